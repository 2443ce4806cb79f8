"""A run by two processes: `execute` in one, `assist` in the other."""

import json
import multiprocessing
import signal
import threading
import time
import warnings

import pytest
import torch

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.runs.allowed_ranks import check_ranks
from noisyseg.bench.runs.execution import assist, execute
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.prefixes import plan_prefixes
from noisyseg.bench.runs.run import Resources
from noisyseg.bench.training.stack import load_stack
from noisyseg.errors import InputError
from noisyseg.methods.method import Method, ResolvedMethod
from noisyseg.methods.registry import resolve
from noisyseg.results.records.record import check_record
from noisyseg.results.records.store import RunStore

SUITE = """
name: on two devices
data: {{format: shapes, size: 64, train_images: 12, val_images: 6}}
model: mask-rcnn-tiny
protocol: {{extends: smoke, name: passes, epochs: {epochs}, micro_batch: 2, batch_size: {batch}}}
methods: {methods}
noise: {{sym40: {{type: symmetric, rate: 0.4}}}}
seeds: [0]
"""


@pytest.fixture
def planned(tmp_path):
    """Plans the run in a store of that name."""

    def make(name, epochs=2, batch=4, methods="[jol]"):
        text = SUITE.format(epochs=epochs, batch=batch, methods=methods)
        (tmp_path / "suite.yaml").write_text(text)
        suite = load_suite(str(tmp_path / "suite.yaml"), data_root=None, cache=tmp_path / "cache")
        store = RunStore(tmp_path / name)
        *others, run = plan_prefixes(expand(suite, store), store.root)
        return (*others, run, store)

    return make


@pytest.fixture
def assisted(tmp_path):
    """Executes a run here and assists in a forked process; the record and its exit status."""
    load_stack()

    def make(run, store, then=lambda process: None):
        meeting = f"file://{tmp_path}/meeting"
        process = multiprocessing.get_context("fork").Process(
            target=_assist, args=(run, Resources(**COMMON, rank=1, meeting=meeting))
        )
        with warnings.catch_warnings():  # of forking beside threads, of which none is used
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        then(process)
        try:
            record = execute(run, store, Resources(**COMMON, rank=0, meeting=meeting))
            process.join(60)
            return record, process.exitcode
        finally:
            process.kill()
            process.join()

    return make


COMMON = {"threads": 1, "device": "cpu", "ranks": 2}


def _assist(run, resources):
    torch.set_num_threads(1)
    assist(run, resources)


def lines(run):
    return [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]


def test_a_run_by_two_processes_is_done_and_near_one_processs(planned, assisted):
    run, store = planned("two")
    record, status = assisted(run, store)
    assert (record["status"], record["failure"], status) == ("done", None, 0)
    check_record(record)
    alone, other_store = planned("one")
    expected = execute(alone, other_store, Resources(threads=1, device="cpu"))
    assert run.key == alone.key
    for found, wanted in zip(lines(run), lines(alone), strict=True):
        # Until a RoI is sampled that the other would not have sampled, all digits but the last.
        assert found["loss"] == pytest.approx(wanted["loss"], rel=0.02)
        sets = [sum(line["loss_at_work"][0]["sets"].values()) for line in (found, wanted)]
        assert sets[0] == pytest.approx(sets[1], rel=0.02)
    average, wanted = (found["metrics"]["segm"]["AP"] for found in (record, expected))
    assert average == pytest.approx(wanted, abs=1.0)  # points of AP, of which there are few
    expected_files = {path.name for path in alone.folder.iterdir()}
    assert {path.name for path in run.folder.iterdir()} == {*expected_files, "rank-1.log"}


@pytest.mark.long
def test_two_processes_leave_what_two_others_begin_from(planned, assisted):
    """The branch's log goes by another threshold, and counts the RoIs of both."""
    methods = "{ce: , low: {name: lncis, gamma: 1.0}}"
    trunk, branch, store = planned("shared", methods=methods)
    assert branch.prefix in trunk.leaves
    for run in (trunk, branch):
        (run.folder.parents[3] / "meeting").unlink(missing_ok=True)
        record, status = assisted(run, store)
        assert (record["failure"], status) == (None, 0)
    assert record["lineage"]["branched_from"]["run"] == trunk.key
    theirs, own = (lines(run)[0]["loss_at_work"][0] for run in (trunk, branch))
    assert (theirs["gamma"], own["gamma"]) == (6.0, 1.0)
    assert theirs["sets"]["negative"] == own["sets"]["negative"] > 0
    assert [theirs[group]["rois"] for group in ("clean", "noisy")] == [
        own[group]["rois"] for group in ("clean", "noisy")
    ]
    assert own["clean"]["potential_noisy"] > theirs["clean"]["potential_noisy"]


def in_training(run, act):
    """Does something to the other process once the run trains."""

    def wait(process):
        deadline = time.monotonic() + 60
        while not (run.folder / "log.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        act(process)

    return lambda process: threading.Thread(target=wait, args=(process,)).start()


def test_a_run_whose_other_process_is_killed_fails_in_time(planned, assisted):
    run, store = planned("killed", epochs=200)

    began = time.monotonic()
    record, status = assisted(run, store, then=in_training(run, lambda process: process.kill()))
    assert time.monotonic() - began < 60
    assert status == -signal.SIGKILL
    assert record["failure"]["type"] == "RankLostError"
    assert record["failure"]["fault"] == "worker killed"
    assert record["failure"]["message"].startswith("another rank of the run is gone: ")
    assert "Traceback" in (run.folder / "run.log").read_text()


def test_one_process_that_is_told_to_leave_stops_both_and_they_go_on(planned, assisted):
    """As a batch system tells it: SIGTERM to one of them."""
    run, store = planned("stopped", epochs=200)

    terminate = in_training(run, lambda process: process.terminate())
    record, status = assisted(run, store, then=terminate)
    assert (record["failure"]["type"], record["failure"]["fault"]) == ("StoppedError", "preempted")
    assert status == 0
    assert (run.folder / "checkpoints" / "last.pth").exists()


# Which numbers of ranks are allowed


def test_more_ranks_than_passes_are_refused(planned, assisted):
    run, store = planned("many", batch=2)
    record, status = assisted(run, store)
    assert status == 1
    assert record["failure"]["type"] == "InputError"
    for part in ("at most 1 with protocol passes", "batch_size 2 / micro_batch 2", "got 2"):
        assert part in record["failure"]["message"]


def test_ranks_up_to_the_passes_are_allowed():
    protocol = {"name": "p", "batch_size": 12, "micro_batch": 4}
    for method in ("ce", "elr", "jol", "forward"):
        check_ranks(3, protocol, resolve(method, {}))
        with pytest.raises(InputError, match="at most 3 with protocol p"):
            check_ranks(4, protocol, resolve(method, {}))


def test_a_state_that_nobody_can_merge_is_refused_before_training():
    class Counts:
        def loss(self, logits, labels, ctx):
            raise AssertionError

        def state_dict(self):
            return {"count": 1}

        def load_state_dict(self, state):
            raise AssertionError

    method = Method(name="own", definition=Counts, paper="", summary="", origin="some.py")
    own = ResolvedMethod(method=method, parameters={})
    protocol = {"name": "p", "batch_size": 12, "micro_batch": 4}
    check_ranks(1, protocol, own)
    with pytest.raises(InputError, match=r"'own' of some.py keeps a state .* add merged_state\("):
        check_ranks(2, protocol, own)
