"""What begins and what is next, with runs that end as they are told to."""

import errno
import json
import signal
from dataclasses import replace

import pytest

from noisyseg.bench.cluster import dispatch
from noisyseg.bench.cluster.dispatch import Dispatch
from noisyseg.bench.cluster.ground import Ground
from noisyseg.bench.cluster.jobs import Outcome
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.cluster.share import Share
from noisyseg.bench.cluster.stopping import Stopping
from noisyseg.bench.cluster.waiting_runs import WaitingRuns
from noisyseg.bench.runs.claims import Claims
from noisyseg.bench.runs.heartbeat import NAME as PROGRESS
from noisyseg.bench.runs.journal import Journal, read_events
from noisyseg.bench.runs.prefix import Prefix
from noisyseg.results.records.record import with_fault
from noisyseg.results.records.store import RunStore


class Place:
    """Jobs that end at once, each by what `outcome` says of it."""

    def __init__(self, outcome):
        self.begun, self._under_way, self._outcome = [], [], outcome

    def room(self):
        return 1 - len(self._under_way)

    def begin(self, job):
        self.begun.append(job.run)
        self._under_way.append(job)

    def ended(self, timeout):
        over, self._under_way = self._under_way, []
        return [(job, self._outcome(job)) for job in over]

    def under_way(self):
        return self._under_way

    def stop(self):
        """Nothing goes on for longer than a look."""

    def news(self):
        return ()


class Shown:
    """A display that remembers what ended and what was noted."""

    def __init__(self):
        self.outcomes, self.notes = [], []

    def refresh(self, waiting):
        """Nothing is drawn."""

    def ended(self, run, record, *, elsewhere=False):
        self.outcomes.append((run.key, record["status"], elsewhere))

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def dispatched(tmp_path, record_of, monkeypatch):
    """Dispatches runs; returns what did it, the place and the display."""
    monkeypatch.setattr(dispatch, "_LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(dispatch, "_POLL_S", 0.0)

    def make(runs, *, trunks=(), outcome=None, stopping=None, **settings):
        place = Place(outcome or (lambda job: Outcome(record=record_of(job.run))))
        waiting = WaitingRuns(runs, lambda run: 1.0)
        waiting.hold_back(dict(trunks))
        shown, store = Shown(), RunStore(tmp_path / "runs")
        ground = Ground(
            jobs=place,
            share=Share(cpus=1, gpus=0, evaluation_cpus=0, parallel=1),
            settings=ClusterSettings(**settings),
            store=store,
            package=None,
            display=shown,
            journal=Journal(store.root),
        )
        dispatching = Dispatch(ground, waiting, stopping or Stopping())
        dispatching.run()
        return dispatching, place, shown

    return make


@pytest.fixture
def trunk_and_branch(runs, tmp_path):
    """Two runs of which one begins from the other's first three epochs."""
    prefix = Prefix(key="f" * 16, epochs=3, path=tmp_path / "absent", threshold=1.0)
    return replace(runs[0], leaves=(prefix,)), replace(runs[1], prefix=prefix)


def test_who_does_not_wait_does_not_wait_for_another_drivers_first_epochs(
    trunk_and_branch, dispatched
):
    trunk, branch = trunk_and_branch
    other = Claims()
    assert other.take(trunk)
    trunks = {branch.key: trunk.key}
    dispatching, place, _ = dispatched([trunk, branch], trunks=trunks, wait=False)
    assert place.begun == [branch]
    assert dispatching.left == [trunk]
    other.release_all()


def test_first_epochs_that_another_driver_did_not_leave_are_not_waited_for(
    trunk_and_branch, dispatched, record_of
):
    trunk, branch = trunk_and_branch
    other = Claims()
    assert other.take(trunk)
    state = {"stage": "training", "epoch": 4.0, "epochs": 12}
    (trunk.folder / PROGRESS).write_text(json.dumps(state))

    def ends(job):
        if job.run is branch:  # while the trunk goes on elsewhere
            other.release_all()
        return Outcome(record=record_of(job.run))

    trunks = {branch.key: trunk.key}
    _, place, _ = dispatched([trunk, branch], trunks=trunks, outcome=ends)
    assert place.begun == [branch, trunk]


def test_a_full_disk_before_a_run_begins_ends_nothing_but_the_beginning(
    runs, dispatched, monkeypatch
):
    first, second = runs[:2]
    taken = Claims.take

    def take(claims, run):
        if run.key == second.key:
            raise OSError(errno.ENOSPC, "No space left on device", str(run.folder))
        return taken(claims, run)

    monkeypatch.setattr(Claims, "take", take)
    dispatching, place, _ = dispatched([first, second])
    assert place.begun == [first]
    assert list(dispatching.records) == [first.key]
    assert dispatching.endings.is_full


@pytest.mark.parametrize("fault", ["interrupted", "worker killed"])
def test_a_run_that_was_stopped_before_it_began_is_as_it_was(
    runs, dispatched, record_of, tmp_path, fault
):
    stopping = Stopping()

    def ends(job):
        stopping._asked(signal.SIGTERM, None)
        return Outcome(fault=fault, kind="TaskCancelledError", message="cancelled")

    dispatching, _, shown = dispatched(runs[:2], outcome=ends, stopping=stopping)
    assert dispatching.records == {}
    assert shown.outcomes == []
    store = RunStore(tmp_path / "runs")
    assert store.load(runs[0].spec) is None
    assert [event["event"] for event in read_events(store.root)] == ["begun", "stopped"]


def test_a_stopped_run_whose_record_says_so_keeps_it(runs, dispatched, record_of, tmp_path):
    stopping, store = Stopping(), RunStore(tmp_path / "runs")
    before = with_fault(record_of(runs[0], failure="asked to stop"), "interrupted")

    def ends(job):
        stopping._asked(signal.SIGTERM, None)
        store.save(before)
        return Outcome(fault="worker killed", kind="WorkerCrashedError", message="died")

    dispatched(runs[:1], outcome=ends, stopping=stopping)
    failure = store.load(runs[0].spec)["failure"]
    assert failure == {**before["failure"], "fault": "terminated"}
