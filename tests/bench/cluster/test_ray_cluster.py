import socket

import pytest

from noisyseg.bench.cluster import ray_cluster
from noisyseg.errors import InputError


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_at_which_nothing_listens_is_refused_at_once(scheme):
    with socket.socket() as bound:  # a port that is taken, but not listened to
        bound.bind(("127.0.0.1", 0))
        address = f"{scheme}127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(InputError, match=f"no Ray cluster could be reached at {address}"):
            ray_cluster._check_reachable(address)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ray_cluster._check_reachable(f"{scheme}127.0.0.1:{listening.getsockname()[1]}")
    ray_cluster._check_reachable("auto")
