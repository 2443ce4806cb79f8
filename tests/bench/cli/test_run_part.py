import argparse
from types import SimpleNamespace

import pytest

from noisyseg.bench.cli.run_part import RunPart, _shard, part_of_runs
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.errors import InputError

RUNS = [SimpleNamespace(key=key) for key in ("d0", "a1", "c2", "b3", "e4", "ee")]


def keys_of(shard=None, keys=None):
    return [run.key for run in part_of_runs(RUNS, RunPart(shard=shard, keys=keys))]


def test_shards_have_every_run_once_whatever_their_order():
    shards = [keys_of((number, 4)) for number in range(1, 5)]
    assert sorted(key for shard in shards for key in shard) == sorted(run.key for run in RUNS)
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
    # By the sorted keys: a1, b3, c2, d0, e4, ee.
    assert keys_of((1, 4)) == ["a1", "e4"]
    assert keys_of((4, 4)) == ["d0"]


def test_neither_chosen_means_all():
    assert keys_of() == [run.key for run in RUNS]


def test_keys_may_be_shortened_as_far_as_they_tell_one_run():
    assert keys_of(keys=["B", "e4"]) == ["b3", "e4"]
    with pytest.raises(InputError, match="--keys e: 2 runs have a key that begins so"):
        keys_of(keys=["e"])
    with pytest.raises(InputError, match="--keys f: no run has"):
        keys_of(keys=["f"])


@pytest.mark.parametrize("text", ["0/4", "5/4", "4", "a/b", "1/0", "-1/4"])
def test_a_shard_that_is_none_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="wanted K/N"):
        _shard(text)


def test_a_part_is_done_by_processes_unless_there_is_an_address():
    part = RunPart(shard=(1, 2), keys=None)
    assert part.settings(ClusterSettings()).without_ray
    assert not part.settings(ClusterSettings(address="auto")).without_ray
    assert not RunPart(shard=None, keys=None).settings(ClusterSettings()).without_ray
