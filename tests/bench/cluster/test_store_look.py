import shutil
from collections import Counter
from dataclasses import replace

import pytest

from noisyseg.bench.cluster import store_look
from noisyseg.bench.cluster.store_look import StoreWatch, look_at
from noisyseg.bench.runs.execution import _alone_in, announce
from noisyseg.bench.runs.state import run_states
from noisyseg.results.records.store import RunStore


@pytest.fixture
def store(runs, tmp_path):
    for run in runs:
        announce(run)
    return RunStore(tmp_path / "runs")


def test_of_a_run_that_was_done_the_record_is_read_once(store, runs, record_of, monkeypatch):
    read = []

    def states(store, folders):
        read.append(len(folders))
        return run_states(store, folders)

    monkeypatch.setattr(store_look, "run_states", states)
    watched = StoreWatch(store)

    def counted():
        return Counter(run.state for run in watched.states()[0])

    store.save(record_of(runs[0]))
    assert counted() == {"done": 1, "waiting": 3}
    store.save(record_of(runs[1], failure="boom"))
    assert counted() == {"done": 1, "waiting": 2, "failed": 1}
    store.save(record_of(runs[1]))
    assert counted() == {"done": 2, "waiting": 2}
    shutil.rmtree(runs[0].folder)
    assert counted() == {"done": 1, "waiting": 2}
    assert read == [4, 3, 3, 2]


def test_a_run_that_has_begun_is_shown_before_it_says_how_far_it_is(store, runs, record_of):
    store.save(record_of(runs[3], failure="boom"))
    with _alone_in(runs[0].folder):
        look = look_at(run_states(store)[0])
    ((label, state),) = look.under_way
    assert label == "ce · clean · seed 0"
    assert state == {"stage": "preparation", "epoch": 0.0, "epochs": 2}
    assert look.head == "2 waiting, 1 running, 0 done, 1 failed; time left not known yet"


def test_the_time_left_is_of_those_that_run_and_those_that_wait(store):
    waiting = run_states(store)[0]
    # Half of it took 30 s: 60 s a run, and two of them at a time.
    half = {"stage": "training", "epoch": 1.0, "epochs": 2, "seconds_left": 30.0}
    running = [replace(run, state="running", progress=half) for run in waiting[:2]]
    assert look_at([*running, *waiting[2:]]).seconds_left == (2 * 30 + 2 * 60) / 2
    assert look_at(waiting).seconds_left is None


def test_data_are_named_where_there_are_several(store):
    first, second, *_ = (replace(run, state="running") for run in run_states(store)[0])
    other = replace(second, data="voc", noise_seed=3, train_seed=1)
    labels = [label for label, _ in look_at([first, other]).under_way]
    assert labels[0].startswith("toy · ce · ")
    assert labels[1].startswith("voc · ce · ")
    assert labels[1].endswith(" · seed 3/1")
