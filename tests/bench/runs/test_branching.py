"""Runs that begin from what another left: bit for bit what they are without."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from noisyseg.bench.config.suite import Choices, load_suite
from noisyseg.bench.leaderboard.checks.logs import check_log
from noisyseg.bench.leaderboard.checks.records import read_record
from noisyseg.bench.reporting.loss_logs import run_reports
from noisyseg.bench.runs.estimate import trained_whole
from noisyseg.bench.runs.execution import execute
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.prefix import prefix_ready
from noisyseg.bench.runs.prefixes import plan_prefixes, saved_epochs, trunk_of
from noisyseg.bench.runs.run import Resources
from noisyseg.bench.runs.run_verification import verify_run
from noisyseg.bench.runs.state import run_states
from noisyseg.bench.runs.store_merge import merge_stores
from noisyseg.bench.training.stack import load_stack
from noisyseg.methods.registry import methods_of_files, resolve
from noisyseg.results.records.store import RunStore

load_stack()
from noisyseg.bench.runs.branching import (  # noqa: E402 (imports mmdet)
    UnsoundPrefixError,
    read_prefix,
)
from noisyseg.bench.runs.session import trained_detector  # noqa: E402 (imports mmdet)
from noisyseg.bench.training import loop  # noqa: E402 (imports mmdet)

EPOCHS = 4
# `low` isolates from another loss on than the others, so that its log counts otherwise.
SUITE = f"""
name: shared
data: {{format: shapes, size: 64, train_images: 5, val_images: 2}}
model: mask-rcnn-tiny
protocol:
  {{extends: smoke, name: shared, epochs: {EPOCHS}, average_last: 3, schedule: {{milestones: [2]}}}}
methods:
  ce:
  lncis:
  low: {{name: lncis, gamma: 1.5, e1: 0.75}}
  whole: {{name: lncis, e1: 1.0}}
noise: {{clean: null, sym40: {{type: symmetric, rate: 0.4}}}}
seeds: [0]
"""
CHOSEN = [("ce", "clean"), ("lncis", "clean"), *((m, "sym40") for m in ("ce", "lncis", "low"))]
CHOSEN += [("whole", "sym40")]
COMMON = {"lncis": 2, "low": 3, "whole": 4}
ONE_THREAD = Resources(threads=1, device="cpu")


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Makes the runs of a store that are wanted, by method and noise, in the order given."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "suite.yaml").write_text(SUITE)

    def make(root, chosen=CHOSEN):
        suite = load_suite(str(folder / "suite.yaml"), data_root=None, cache=folder / "cache")
        runs = {(r.method_label, r.noise_label): r for r in expand(suite, RunStore(root))}
        return [runs[cell] for cell in chosen]

    return make


def trained(runs, root):
    """In order, in this process: a trunk has ended before its branches begin."""
    return [done(run, root) for run in runs]


def done(run, root):
    record = execute(run, RunStore(root), ONE_THREAD)
    assert record["status"] == "done", record["failure"]
    return record


def lines(run):
    log = (run.folder / "log.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in log]


def outcome(run, record):
    """Everything that must be the same bit for bit."""
    state = torch.load(run.folder / "checkpoints" / "last.pth", weights_only=True)
    tensors = {name: value.numpy().tobytes() for name, value in state["model"].items()}
    return record["checksums"]["predictions"], record["metrics"], lines(run), tensors


@pytest.fixture(scope="module")
def alone(planned, tmp_path_factory):
    """What each run comes to that trains all of its epochs itself, by key."""
    root = tmp_path_factory.mktemp("alone")
    runs = planned(root)
    return {
        run.key: outcome(run, record) for run, record in zip(runs, trained(runs, root), strict=True)
    }


@pytest.fixture(scope="module")
def branched(planned, tmp_path_factory):
    """The same runs, with what they have in common trained once, and their records by key."""
    root = tmp_path_factory.mktemp("branched")
    runs = plan_prefixes(planned(root), root)
    records = dict(zip((run.key for run in runs), trained(runs, root), strict=True))
    return root, runs, records


def test_every_branch_is_what_it_is_without_bit_for_bit(branched, alone):
    _, runs, records = branched
    assert saved_epochs(runs) == 2 * 2 + 3 + 4
    assert [run.method_label for run in runs if run.leaves] == ["ce", "ce"]
    for run in runs:
        assert outcome(run, records[run.key]) == alone[run.key], run.label


def test_a_record_says_where_its_run_began(branched):
    _, runs, records = branched
    trunks = {run.key: run for run in runs if run.leaves}
    for run in runs:
        lineage = records[run.key]["lineage"]
        if run.key in trunks:
            assert lineage == {"resumed_from_epoch": 0}
            continue
        common = COMMON[run.method_label]
        note = json.loads((run.prefix.path / "checkpoint.json").read_text())
        trunk = trunk_of(runs)[run.key]
        assert lineage == {
            "resumed_from_epoch": common,
            "branched_from": {"run": trunk, "epochs": common, "checkpoint": note["sha256"]},
        }
        # Copied, seconds included: the epochs were trained once.
        own, theirs = ((r.folder / "log.jsonl").read_text() for r in (run, trunks[trunk]))
        if run.method_label != "low":
            assert own.splitlines()[:common] == theirs.splitlines()[:common]
    (whole,) = [run for run in runs if run.method_label == "whole"]
    assert "step" not in records[whole.key]["timings"]


def test_whoever_reads_records_bears_a_branched_run(branched, tmp_path):
    root, runs, records = branched
    for run in runs:
        _, findings = verify_run(run.folder, records[run.key])
        assert (findings.differences, findings.unchecked) == ([], []), run.label
        record, checks = read_record(run.folder, run.key)
        assert record == records[run.key]
        checks += check_log(run.folder, record, EPOCHS)
        assert {check.state for check in checks} == {"holds"}
        assert trained_whole(record) == (run.prefix is None)
        assert len(run_reports(run, record)[0]) == EPOCHS
        trained_detector(run, ONE_THREAD)
    shutil.copytree(root, tmp_path / "other")
    other = tmp_path / "other"
    first = other / runs[0].folder.relative_to(root)
    shutil.rmtree(first)
    merge = merge_stores(other, root)
    assert merge.is_clean
    assert len(merge.copied) == 1
    assert (first / "record.json").is_file()
    states, problems = run_states(RunStore(root))
    assert (len(states), problems) == (len(runs), [])


def test_without_cross_entropy_one_of_the_others_is_the_trunk(planned, alone, tmp_path):
    cells = [("lncis", "sym40"), ("low", "sym40")]
    runs = plan_prefixes(planned(tmp_path, cells), tmp_path)
    assert [run.method_label for run in runs] == ["low", "lncis"]
    assert saved_epochs(runs) == 2
    for run, record in zip(runs, trained(runs, tmp_path), strict=True):
        assert outcome(run, record) == alone[run.key], run.label


@pytest.fixture
def branch(planned, tmp_path):
    """A branch whose trunk has ended, and the store."""
    trunk, branch = plan_prefixes(
        planned(tmp_path, [("lncis", "sym40"), ("ce", "sym40")]), tmp_path
    )
    done(trunk, tmp_path)
    assert prefix_ready(branch.prefix)
    return branch


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


DAMAGE = {
    "are not there": lambda prefix: prefix.note.unlink(),
    "are damaged": lambda prefix: cut(prefix.checkpoint),
    "are damaged ": lambda prefix: cut(prefix.log),
    "cannot be read": lambda prefix: prefix.checkpoint.unlink(),
}


@pytest.mark.parametrize("problem", DAMAGE)
def test_what_is_not_there_or_not_whole_is_not_begun_from(branched, tmp_path, problem):
    _, runs, _ = branched
    whole = next(run.prefix for run in runs if run.prefix is not None)
    shutil.copytree(whole.path, tmp_path / "copy")
    prefix = replace(whole, path=tmp_path / "copy")
    state, log = read_prefix(prefix, resolve("lncis", {}))
    assert state["epoch"] == log.count(b"\n") == prefix.epochs
    DAMAGE[problem](prefix)
    with pytest.raises(UnsoundPrefixError, match=problem.strip()) as caught:
        read_prefix(prefix, resolve("lncis", {}))
    assert str(tmp_path) not in str(caught.value)


def test_without_it_a_run_is_trained_from_the_start_and_says_so(branch, alone, tmp_path):
    cut(branch.prefix.checkpoint)
    record = done(branch, tmp_path)
    assert outcome(branch, record) == alone[branch.key]
    told = record["lineage"].pop("not_branched")
    assert record["lineage"] == {"resumed_from_epoch": 0}
    assert told.endswith(": trained from the start")
    assert told in branch.output.read_text()


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """Stops a run at a checkpoint, before or after it is written; every step has one."""

    def make(run, epoch, iteration=0, *, before=False):
        save = loop.save_checkpoint

        def stop(path, state, **options):
            here = (state["epoch"], state["iteration"]) == (epoch, iteration)
            if not (here and before):
                save(path, state, **options)
            if here:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
            patch.setattr(loop, "MID_EPOCH_SECONDS", 0.0)
            patch.setattr(loop, "save_checkpoint", stop)
            with pytest.raises(KeyboardInterrupt):
                execute(run, RunStore(tmp_path), ONE_THREAD)

    return make


def test_a_branch_that_is_stopped_goes_on_from_its_own_checkpoint(branch, alone, tmp_path, stopped):
    stopped(branch, 3)
    (again,) = plan_prefixes([replace(branch, prefix=None)], tmp_path)
    assert again.prefix is None  # though it still lies there
    branch.prefix.note.unlink()
    record = done(branch, tmp_path)
    assert outcome(branch, record) == alone[branch.key]
    assert record["lineage"]["resumed_from_epoch"] == 3
    assert record["lineage"]["branched_from"]["epochs"] == 2


@pytest.mark.parametrize(
    ("at", "resumed"),
    [
        ({"epoch": 2, "before": True}, {"resumed_from_epoch": 1, "resumed_from_iteration": 1}),
        ({"epoch": 3, "before": True}, {"resumed_from_epoch": 2, "resumed_from_iteration": 1}),
        ({"epoch": 1, "iteration": 1}, {"resumed_from_epoch": 1, "resumed_from_iteration": 1}),
    ],
    ids=str,
)
def test_a_trunk_that_is_stopped_leaves_all_the_same(
    planned, alone, tmp_path, stopped, at, resumed
):
    """Between its logs and its checkpoint, and inside an epoch; the branch's log counts its own."""
    cells = [("ce", "sym40"), ("low", "sym40")]
    trunk, branch = plan_prefixes(planned(tmp_path, cells), tmp_path)
    stopped(trunk, **at)
    assert prefix_ready(branch.prefix) == (at["epoch"] == 3)
    assert done(trunk, tmp_path)["lineage"] == resumed
    record = done(branch, tmp_path)
    assert record["lineage"]["branched_from"]["epochs"] == 3
    assert outcome(branch, record) == alone[branch.key]


def test_what_was_not_watched_from_the_start_is_not_left(planned, alone, tmp_path, stopped):
    """A run stopped inside an epoch before it was anybody's trunk: its counts are not the log's."""
    cells = [("ce", "sym40"), ("low", "sym40"), ("lncis", "sym40")]
    ce, low, lncis = planned(tmp_path, cells)
    stopped(ce, 1, 1)
    trunk, low, lncis = plan_prefixes([ce, low, lncis], tmp_path)
    assert {leaf.epochs for leaf in trunk.leaves} == {2, 3}
    done(trunk, tmp_path)
    assert prefix_ready(lncis.prefix)
    assert not prefix_ready(low.prefix)
    record = done(low, tmp_path)
    assert "not_branched" in record["lineage"]
    assert outcome(low, record) == alone[low.key]


@pytest.mark.parametrize("method", ["lncis", "low"])
def test_a_place_that_cannot_be_written_costs_the_trunk_nothing(planned, alone, tmp_path, method):
    """Neither for its state and log, nor for a log that goes by another threshold."""
    trunk, branch = plan_prefixes(planned(tmp_path, [("ce", "sym40"), (method, "sym40")]), tmp_path)
    (tmp_path / ".prefixes").write_text("in the way")
    record = done(trunk, tmp_path)
    assert outcome(trunk, record) == alone[trunk.key]
    assert "cannot be left to others" in trunk.output.read_text()
    assert not prefix_ready(branch.prefix)


OWN = '''
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.mean_absolute_error import mean_absolute_error
from noisyseg.methods.stages import begins_as


@begins_as("ce", until="warmup")
def late(logits, labels, ctx, *, warmup: float = 0.5):
    """Absolute error after some epochs of cross entropy."""
    first = ctx.epoch + 1 <= warmup * ctx.num_epochs{more}
    return (cross_entropy if first else mean_absolute_error)(logits, labels)
'''


@pytest.mark.parametrize("honest", [True, False])
def test_a_method_of_ones_own_begins_there_if_it_is_what_it_says(tmp_path, honest):
    text = OWN.format(more="" if honest else " - 1")
    (tmp_path / "late.py").write_text(text)
    own = methods_of_files([f"{tmp_path / 'late.py'}:late"])
    (tmp_path / "suite.yaml").write_text(SUITE.partition("methods:")[0] + "methods: [ce, late]\n")
    with (tmp_path / "suite.yaml").open("a") as file:
        file.write("noise: {clean: null}\nseeds: [0]\n")
    suite = load_suite(
        str(tmp_path / "suite.yaml"),
        data_root=None,
        cache=tmp_path / "cache",
        choices=Choices(own_methods=own),
    )
    runs = plan_prefixes(expand(suite, RunStore(tmp_path / "runs")), tmp_path / "runs")
    assert [run.method_label for run in runs] == ["ce", "late"]
    *_, record = trained(runs, tmp_path / "runs")
    if honest:
        assert record["lineage"]["branched_from"]["epochs"] == 2
    else:
        told = record["lineage"]["not_branched"]
        assert told.startswith("method 'late' cannot share epochs: in epoch 2 of 4 it is not ce")
