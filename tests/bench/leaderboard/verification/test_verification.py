"""A bundle as it was submitted is accepted; what of it was changed is named."""

import json

import pytest

from noisyseg.bench.leaderboard.entry_making import entry_of
from noisyseg.bench.leaderboard.ground import ground_for
from noisyseg.bench.leaderboard.verdict import verdict_text
from noisyseg.bench.leaderboard.verification import verify


@pytest.fixture
def ground(toy_store, tmp_path):
    def make(*, with_data=True):
        return ground_for(
            str(toy_store[0]), None, data_root=None, cache=tmp_path / "cache", with_data=with_data
        )

    return make


def test_a_bundle_as_submitted_is_accepted(toy_bundle, ground):
    verified = verify(toy_bundle, lambda *_: ground(), draws=True)
    print(verdict_text(verified.verdict))
    assert verified.verdict.accepted
    print(json.dumps(entry_of(verified).settings["sym40"].noise))
