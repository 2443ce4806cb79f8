"""A suite's runs by what a store's specs say, with neither data nor weights at hand."""

import copy
import json

import pytest

from noisyseg.bench.config.suite import SeedPair, load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.runs.recorded_runs import recorded, runs_of
from noisyseg.errors import InputError
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore


@pytest.fixture
def store(toy, tmp_path, record_of):
    """The toy's runs at two seeds, done."""
    toy.suite["seeds"] = [0, 4]
    toy.write()
    found = RunStore(tmp_path / "runs")
    for run in toy.expand(found.root):
        found.save(record_of(run))
    return found


def loaded(toy, **choices):
    suite = load_suite(str(toy.file), data_root=None, cache=toy.root / "cache")
    return choose(suite, **choices)


def add(store, record_of, run, **changes):
    """A record of a run of which some parts are others."""
    fields = {k: v for k, v in record_of(run).items() if k not in ("format", "key", "checksum")}
    fields["spec"] = copy.deepcopy(fields["spec"])
    for part, values in changes.items():
        fields["spec"][part] = {**fields["spec"][part], **values}
    store.save(seal(fields))


def test_the_keys_are_those_that_the_data_give(toy, store, tmp_path):
    wanted = toy.expand(tmp_path / "elsewhere")
    suite = loaded(toy)
    for name in ("train", "eval"):  # not read
        (toy.root / f"{name}.json").unlink()
    ((content, count),) = recorded(suite, store).contents
    assert count == 8
    runs = runs_of(content, suite, store)
    assert [run.key for run in runs] == [run.key for run in wanted]
    assert [run.label for run in runs] == [run.label for run in wanted]
    assert {run.folder.name for run in runs} == {path.parent.name for path in found(store)}


def found(store):
    return list(store.root.glob("*/*/*/record.json"))


def test_all_seeds_are_seen_and_the_suites_methods_alone(toy, store):
    toy.suite["seeds"] = [0]
    toy.write()
    there = recorded(loaded(toy, methods=["ce"]), store)
    assert there.seeds == [SeedPair(0, 0), SeedPair(4, 4)]
    ce = {run.key for run in toy.expand(store.root) if run.method_label == "ce"}
    assert {key for key, pair in there.runs.items() if pair.train == 0} == ce
    assert len(there.runs) == 4
    assert there.others == ["lncis"]


@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": {"epochs": 9}},
        {"model": {"version": 9}},
        {"model": {"detector": {"type": "Other"}}},
        {"method": {"parameters": {"gamma": 2.0}}},
        {"noise": {"steps": []}},
        {"data": {"images": "only-these-classes"}},
        {"data": {"limit": {"train": 2, "eval": None}}},
    ],
    ids=str,
)
def test_what_differs_in_more_than_content_is_not_of_the_suite(toy, store, record_of, changes):
    before = recorded(loaded(toy), store)
    add(store, record_of, toy.expand(store.root)[3], **changes)
    assert len(found(store)) == 9
    after = recorded(loaded(toy), store)
    assert after.runs == before.runs
    assert len(after.contents) == 1
    assert (before.unlike, after.unlike) == (0, 1)


@pytest.mark.parametrize(
    "changes", [{"data": {"train_sha256": "0" * 64}}, {"model": {"weights_sha256": "1" * 64}}]
)
def test_other_data_or_weights_are_another_content(toy, store, record_of, changes):
    add(store, record_of, toy.expand(store.root)[0], **changes)
    (first, many), (second, one) = recorded(loaded(toy), store).contents
    assert (many, one) == (8, 1)
    assert first.digest != second.digest
    assert first.current
    assert second.current


def test_an_older_version_of_training_is_told(toy, store, record_of):
    add(store, record_of, toy.expand(store.root)[0], training={"version": 0})
    assert [content.current for content, _ in recorded(loaded(toy), store).contents] == [
        True,
        False,
    ]


def test_noise_that_fits_no_record_is_an_error(toy, store):
    toy.suite["noise"]["sym40"]["rate"] = 7
    toy.write()
    with pytest.raises(InputError, match="rate must be a number from 0 to 1, got 7"):
        recorded(loaded(toy), store)


def test_specs_that_cannot_be_read_are_those_of_the_records(toy, store):
    before = recorded(loaded(toy), store)
    for path in found(store):
        path.with_name("spec.json").write_bytes(b"{")
    assert recorded(loaded(toy), store) == before


@pytest.mark.parametrize("part", ["data", "method", "noise", "model"])
def test_a_spec_that_says_nothing_of_a_part_is_passed_over(toy, store, part):
    path = toy.expand(store.root)[3].folder / "record.json"
    spec = json.loads(path.read_bytes())["spec"]
    for name, content in (("spec.json", spec | {part: {}}), ("record.json", {"spec": {}})):
        path.with_name(name).write_text(json.dumps(content))
    assert len(recorded(loaded(toy), store).runs) == 7


@pytest.mark.parametrize(
    "parts",
    [{"data": {"classes": None}}, {"data": {"classes": [[1]]}}, {"data": {"limit": None}}],
)
def test_a_spec_of_another_kind_is_none_of_the_suites(toy, store, tmp_path, record_of, parts):
    before = recorded(loaded(toy), store)
    add(store, record_of, toy.expand(tmp_path / "elsewhere")[0], **parts)
    assert recorded(loaded(toy), store) == before
