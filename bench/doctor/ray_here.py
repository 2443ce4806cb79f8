"""Whether a private Ray can be started on this machine."""

import os
import time
from collections.abc import Iterator

from noisyseg.bench.doctor.finding import Finding, ok, problem
from noisyseg.errors import InputError
from noisyseg.training_extra import is_missing


def private_ray() -> Iterator[Finding]:
    """Start one, as `run` does, and stop it; says where its sockets lie and what it counts."""
    from noisyseg.bench.cluster.ray_cluster import connected
    from noisyseg.bench.cluster.settings import ClusterSettings
    from noisyseg.bench.cluster.socket_folders import ray_folder

    try:
        with ray_folder() as folder:
            place = folder.parent
    except InputError as error:
        yield problem("Ray", str(error), "export RAY_TMPDIR=/tmp  # or another such folder")
        return
    began = time.monotonic()
    try:
        with connected(ClusterSettings()) as (ray, _):
            seconds = time.monotonic() - began
            counted = ray.cluster_resources()
    except ImportError as error:
        if not is_missing(error):
            text = f"cannot be imported: {error}"
            yield problem("Ray", text, "pip install --force-reinstall ray")
        return
    except InputError as error:
        yield problem("Ray", str(error), f"ls -t {place}/ray*/session_*/logs  # say why")
        return
    cpus, gpus = counted.get("CPU", 0), counted.get("GPU", 0)
    text = f"starts in {seconds:.1f} s with {cpus:g} CPUs and {gpus:g} GPUs, sockets below {place}"
    yield ok("Ray", f"{text}{', by RAY_TMPDIR' * ('RAY_TMPDIR' in os.environ)}")
