"""Which runs share which epochs; nothing is trained here."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from noisyseg.bench.config.suite import Choices, load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.runs.grid import foresee
from noisyseg.bench.runs.inputs import check
from noisyseg.bench.runs.prefix import Prefix, prefix_ready
from noisyseg.bench.runs.prefixes import (
    drop_prefixes,
    epochs_in_common,
    plan_prefixes,
    saved_epochs,
    trunk_of,
    unneeded_prefixes,
)
from noisyseg.bench.runs.rehearsal import rehearsed
from noisyseg.files import canonical_json, sha256_file
from noisyseg.results.records.store import RunStore


@pytest.fixture(scope="module")
def data(official, tmp_path_factory):
    """The official data sets in a folder of their own: the conversion lands beside them."""
    return Path(shutil.copytree(official, tmp_path_factory.mktemp("data") / "root"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Where the shapes are drawn, once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def runs_of(data, cache, tmp_path):
    """The runs of a shipped suite, or of some of its methods."""

    def make(name, protocol=None, **chosen):
        suite = load_suite(
            name,
            data_root=data,
            cache=cache,
            choices=Choices(random_weights=True, allow_partial=True),
        )
        suite = choose(suite, **chosen)
        if protocol is not None:
            suite = replace(suite, protocol=protocol(suite.protocol))
        return foresee(suite, RunStore(tmp_path), *check(suite))

    return make


def epochs_trained(runs):
    return sum(run.spec["protocol"]["epochs"] for run in runs) - saved_epochs(runs)


def parted(runs):
    """Label of each branch → label of its trunk, and after how many epochs they part."""
    by_key = {run.key: run for run in runs}
    return {
        by_key[branch].label: (by_key[trunk].label, by_key[branch].prefix.epochs)
        for branch, trunk in trunk_of(runs).items()
    }


SIX = ["ce", "lsr", "jol", "gce", "sce", "lncis"]


def test_quick_of_the_papers_six_is_440_epochs_instead_of_480(runs_of, tmp_path):
    runs = runs_of("quick", methods=SIX, seeds=[0])
    assert epochs_trained(runs) == 480
    planned = plan_prefixes(runs, tmp_path)
    assert epochs_trained(planned) == 440
    assert parted(planned) == {
        f"lncis · {noise} · seed 0": (f"ce · {noise} · seed 0", 20) for noise in ("clean", "sym40")
    }
    assert [run.label for run in planned[:2]] == ["ce · clean · seed 0", "ce · sym40 · seed 0"]
    others = [run for run in runs if run.method_label != "ce"]
    assert [run.key for run in planned[2:]] == [run.key for run in others]
    alone = [replace(run, prefix=None, leaves=()) for run in planned]
    assert sorted(map(repr, alone)) == sorted(map(repr, runs))


@pytest.mark.parametrize(
    ("suite", "runs", "saved"),
    [
        # Rows with ST are cross entropy for half of the epochs: four of table 4, and lncis.
        ("paper-table4-ablation", 7, 2.0),
        ("paper-table2-coco", 21, 3.5),
        ("paper-table3-cityscapes", 21, 3.5),
        ("paper-table1-voc", 42, 3.5),
        # e1_0 has no first stage; the others 3, 6, 9 and 12 of 12 epochs.
        ("study-e1", 6, 30 / 12),
        ("study-gamma", 7, 3.0),
    ],
)
def test_a_papers_table_saves_so_many_runs_worth(runs_of, tmp_path, suite, runs, saved):
    planned = plan_prefixes(runs_of(suite), tmp_path)
    assert len(planned) == runs
    assert saved_epochs(planned) == saved * planned[0].spec["protocol"]["epochs"]


def test_one_trunk_is_left_at_several_epochs(runs_of, tmp_path):
    planned = plan_prefixes(runs_of("study-e1"), tmp_path)
    trunk = planned[0]
    assert trunk.method_label == "ce"
    assert sorted(leaf.epochs for leaf in trunk.leaves) == [3, 6, 9, 12]
    assert parted(planned) == {
        f"e1_{epochs} · sym40 · seed 0": (trunk.label, epochs) for epochs in (3, 6, 9, 12)
    }
    assert len({leaf.path for leaf in trunk.leaves}) == 4


def test_each_threshold_has_a_log_of_its_own_and_all_of_them_one_state(runs_of, tmp_path):
    planned = plan_prefixes(runs_of("study-gamma"), tmp_path)
    leaves = planned[0].leaves
    assert sorted(leaf.threshold for leaf in leaves) == [2.0, 4.0, 6.0, 8.0, 10.0]
    assert len({leaf.path for leaf in leaves}) == len({leaf.checkpoint for leaf in leaves}) == 1
    assert len({leaf.log for leaf in leaves}) == 5


def test_the_trunk_is_who_shares_most(runs_of, tmp_path):
    """Without ce: e1_12 is it as well, and without that e1_9 is the trunk up to its own E1."""
    names = ["e1_0", "e1_3", "e1_6", "e1_9", "e1_12"]
    planned = plan_prefixes(runs_of("study-e1", methods=names), tmp_path)
    assert {trunk for trunk, _ in parted(planned).values()} == {"e1_12 · sym40 · seed 0"}
    assert saved_epochs(planned) == 3 + 6 + 9
    planned = plan_prefixes(runs_of("study-e1", methods=names[:4]), tmp_path)
    assert parted(planned) == {
        f"e1_{epochs} · sym40 · seed 0": ("e1_9 · sym40 · seed 0", epochs) for epochs in (3, 6)
    }


def test_other_seeds_noise_or_protocols_share_nothing(runs_of, tmp_path):
    runs = runs_of("quick")
    planned = plan_prefixes(runs, tmp_path)
    for branch, trunk in trunk_of(planned).items():
        one, other = (next(run for run in runs if run.key == key) for key in (branch, trunk))
        assert {**one.spec, "method": None} == {**other.spec, "method": None}
    assert len({leaf.key for run in planned for leaf in run.leaves}) == 6
    ce, lncis = (runs_of("quick", methods=[name], seeds=[0]) for name in ("ce", "lncis"))
    for part, value in (("train_seed", 5), ("training", {"version": 99}), ("eval", {"x": 1})):
        changed = [replace(run, spec={**run.spec, part: value}) for run in lncis]
        assert saved_epochs(plan_prefixes([*ce, *changed], tmp_path)) == 0
    assert saved_epochs(plan_prefixes([*ce, *lncis], tmp_path)) == 40


def test_equal_runs_by_two_names_are_one(runs_of, tmp_path):
    runs = runs_of("smoke", noise=["clean"])
    planned = plan_prefixes([*runs, *(replace(run, method_label="same") for run in runs)], tmp_path)
    assert [len(run.leaves) for run in planned] == [1, 1, 0, 0]
    assert saved_epochs(planned) == 1


def test_a_rehearsal_shares_nothing(runs_of, tmp_path):
    runs = runs_of("smoke", protocol=lambda protocol: rehearsed(protocol, shrink=True))
    assert saved_epochs(plan_prefixes(runs, tmp_path)) == 0


def test_a_parameter_may_have_more_digits_than_64_bits_hold(runs_of, tmp_path):
    ce, lncis = runs_of("smoke", noise=["clean"])
    method = lncis.spec["method"]
    changed = {**method, "parameters": {**method["parameters"], "gamma": 2**70}}
    runs = [ce, replace(lncis, spec={**lncis.spec, "method": changed})]
    assert saved_epochs(plan_prefixes(runs, tmp_path)) == 1


# What a store already has


def leave(prefix, log="{}\n"):
    """What a trunk would have left there, as far as a plan looks at it."""
    prefix.path.mkdir(parents=True, exist_ok=True)
    prefix.checkpoint.write_bytes(b"state")
    prefix.log.write_text(log)
    note = {"key": prefix.key, "epochs": prefix.epochs, "run": "0" * 16}
    note["sha256"] = sha256_file(prefix.checkpoint)
    note["logs"] = {prefix.log.name: sha256_file(prefix.log)}
    prefix.note.write_bytes(canonical_json(note))


def begun(run, epochs):
    run.checkpoint.parent.mkdir(parents=True)
    run.checkpoint.write_bytes(b"state")
    (run.folder / "log.jsonl").write_text("{}\n" * epochs)


@pytest.fixture
def three(runs_of):
    """ce, e1_3 and e1_6, and one more that begins as e1_6 does."""
    runs = runs_of("study-e1", methods=["ce", "e1_3", "e1_6"])
    return [*runs, *runs_of("study-gamma", methods=["never"])]


def test_a_run_that_is_done_is_no_trunk(three, tmp_path, record_of):
    RunStore(tmp_path).save(record_of(three[0]))
    planned = plan_prefixes(three, tmp_path)
    assert {run.method_label: len(run.leaves) for run in planned} == {
        **{"e1_6": 2, "ce": 0, "e1_3": 0, "never": 0}
    }
    RunStore(tmp_path).save(record_of(three[1], failure="boom"))
    assert saved_epochs(plan_prefixes(three, tmp_path)) == 3 + 6  # it is run again
    RunStore(tmp_path).save(record_of(three[1]))
    assert saved_epochs(plan_prefixes(three, tmp_path)) == 6


def test_what_a_run_that_is_done_has_left_is_used(three, tmp_path, record_of):
    _, e1_3, e1_6, never = plan_prefixes(three, tmp_path)
    assert e1_6.prefix == never.prefix
    leave(e1_6.prefix)
    assert prefix_ready(e1_6.prefix)
    assert not prefix_ready(e1_3.prefix)
    assert not prefix_ready(replace(e1_6.prefix, threshold=2.0))
    RunStore(tmp_path).save(record_of(three[0]))
    planned = {run.method_label: run for run in plan_prefixes(three, tmp_path)}
    assert planned["e1_6"].prefix == planned["never"].prefix == e1_6.prefix
    # Nobody passes there any more: e1_6 and never begin later.
    assert planned["e1_3"].prefix is None
    assert trunk_of(planned.values()) == {}


def test_a_run_goes_on_from_its_checkpoint_and_leaves_what_is_yet_to_come(three, tmp_path):
    begun(three[0], epochs=4)
    planned = {run.method_label: run for run in plan_prefixes(three, tmp_path)}
    assert [leaf.epochs for leaf in planned["ce"].leaves] == [6]
    assert planned["ce"].prefix is None
    # e1_3 is past for ce, so that e1_3 begins for itself: the others begin later.
    assert planned["e1_3"].prefix is None
    begun(three[2], epochs=1)
    planned = {run.method_label: run for run in plan_prefixes(three, tmp_path)}
    assert planned["e1_6"].prefix is None
    assert [leaf.epochs for leaf in planned["e1_6"].leaves] == [3]
    assert parted(planned.values())["e1_3 · sym40 · seed 0"] == ("e1_6 · sym40 · seed 0", 3)


@pytest.mark.parametrize(
    "damage",
    [
        lambda prefix: prefix.note.write_text("{"),
        lambda prefix: prefix.note.unlink(),
        lambda prefix: prefix.checkpoint.unlink(),
        lambda prefix: prefix.log.unlink(),
        lambda prefix: prefix.note.write_text(
            prefix.note.read_text().replace(prefix.key, "f" * 16)
        ),
        lambda prefix: prefix.note.write_text(
            json.dumps({**json.loads(prefix.note.read_text()), "logs": {}})
        ),
    ],
)
def test_what_is_not_whole_is_not_ready(tmp_path, damage):
    prefix = Prefix(key="0" * 16, epochs=3, path=tmp_path / ("0" * 16), threshold=6.0)
    leave(prefix)
    assert prefix_ready(prefix)
    damage(prefix)
    assert not prefix_ready(prefix)


def test_a_prefix_goes_when_all_that_need_it_are_done(three, tmp_path):
    planned = plan_prefixes(three, tmp_path)
    ce, e1_3, e1_6, never = planned
    for prefix in ce.leaves:
        leave(prefix)
    drop_prefixes(planned, {ce.key, e1_6.key})
    assert prefix_ready(e1_3.prefix)
    assert prefix_ready(e1_6.prefix)
    drop_prefixes(planned, {ce.key, e1_6.key, never.key})
    assert prefix_ready(e1_3.prefix)
    assert not e1_6.prefix.path.exists()
    drop_prefixes(planned, {run.key for run in planned})
    assert not e1_3.prefix.path.exists()
    drop_prefixes(planned, {run.key for run in planned})  # nothing is there: nothing happens


def test_a_stores_specs_tell_which_prefixes_nobody_needs(three, tmp_path, record_of):
    store = RunStore(tmp_path)
    assert unneeded_prefixes(store) == []
    ce, e1_3, e1_6, never = plan_prefixes(three, tmp_path)
    for prefix in ce.leaves:
        leave(prefix)
    assert unneeded_prefixes(store) == sorted(leaf.path for leaf in ce.leaves)
    for run in three:
        run.folder.mkdir(parents=True)
        (run.folder / "spec.json").write_bytes(canonical_json(run.spec))
    assert unneeded_prefixes(store) == []
    for run in (e1_3, never):
        store.save(record_of(run))
    assert unneeded_prefixes(store) == [e1_3.prefix.path]
    store.save(record_of(e1_6))
    assert len(unneeded_prefixes(store)) == 2
    own = three[3].spec | {"method": {"name": "mine", "file_sha256": "0" * 64, "parameters": {}}}
    folder = store.folder(own)
    folder.mkdir(parents=True)
    (folder / "spec.json").write_bytes(canonical_json(own))
    assert unneeded_prefixes(store) == []


def test_methods_alone_tell_what_they_have_in_common(tmp_path):
    def of(suite):
        loaded = load_suite(
            suite,
            data_root=tmp_path,
            cache=tmp_path,
            choices=Choices(random_weights=True),
        )
        return epochs_in_common(loaded.methods, loaded.protocol["epochs"])

    assert of("study-e1") == {"ce": 0, "e1_0": 0, "e1_3": 3, "e1_6": 6, "e1_9": 9, "e1_12": 12}
    assert sum(of("paper-table4-ablation").values()) == 24
    assert of("paper-table3-cityscapes") == {"sce": 0, "ce": 0, "lncis": 32}
