import os
import time
from types import SimpleNamespace

import pytest

from noisyseg.bench.runs.crash import is_hung
from noisyseg.bench.runs.heartbeat import Heartbeat


@pytest.fixture
def silent(tmp_path):
    """Makes a run whose process died after so many seconds without a word."""

    def make(seconds, *, evaluating=False):
        heartbeat = Heartbeat(tmp_path, epochs=2)
        heartbeat.start(0)
        if evaluating:
            heartbeat.evaluating()
        then = time.time() - seconds
        os.utime(tmp_path / "progress.json", (then, then))
        return SimpleNamespace(folder=tmp_path)

    return make


def test_a_training_that_died_at_its_limit_hung(silent):
    assert is_hung(silent(31), 30)
    assert not is_hung(silent(10), 30)  # killed in the midst of its work
    assert not is_hung(silent(31), None)


def test_an_evaluation_says_nothing_for_as_long_as_it_takes(silent):
    assert not is_hung(silent(31, evaluating=True), 30)


def test_a_run_that_had_not_begun_did_not_hang(tmp_path):
    assert not is_hung(SimpleNamespace(folder=tmp_path), 30)
