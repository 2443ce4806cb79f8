"""Records of other versions are named, and not averaged into a table."""

import copy

import pytest

from noisyseg.results.records.record import run_key, seal
from noisyseg.results.records.store import RunStore


@pytest.fixture
def recorded(toy, tmp_path, record_of):
    """The toy's runs, done, and a way to add a record with a changed spec."""
    out = tmp_path / "runs"
    store = RunStore(out)
    runs = toy.expand(out)
    for run in runs:
        store.save(record_of(run, 30.0))

    def add(number, **changes):
        made = record_of(runs[number], 99.0)
        fields = {k: v for k, v in made.items() if k not in ("format", "key", "checksum")}
        spec = copy.deepcopy(fields["spec"])
        for part, values in changes.items():
            spec[part] = {**spec[part], **values} if isinstance(values, dict) else values
        fields["spec"] = spec
        record = seal(fields)
        store.save(record)
        from noisyseg.files import canonical_json

        (store.folder(spec) / "spec.json").write_bytes(canonical_json(spec))
        assert run_key(spec) not in {run.key for run in runs}

    return out, add


def test_nothing_is_said_of_a_store_that_holds_the_suite_alone(call, toy, recorded):
    out, _ = recorded
    done = call("table", toy.file, "--out", out)
    assert "left out" not in done.err


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"method": {"version": 7}}, "another method (ce, version 7)"),
        ({"protocol": {"epochs": 99}}, "another protocol (smoke, version 1)"),
        ({"model": {"version": 9}}, "another model (mask-rcnn-tiny, version 9)"),
        ({"eval": {"version": 9}}, "another eval"),
        ({"data": {"train_sha256": "0" * 64}}, "another data (toy, version 2)"),
        ({"training": {"version": 99}}, "another training"),
    ],
)
def test_records_of_another_version_are_named(call, toy, recorded, changes, text):
    out, add = recorded
    add(0, **changes)
    done = call("table", toy.file, "--out", out)
    assert done.status == 0
    assert text in done.err
    assert "left out: 1 record in " in done.err
    assert "99.0" not in done.out
    assert "(n=2" not in done.out
    assert text in call("report", toy.file, "--out", out).err


def test_records_of_other_seeds_parameters_and_noise_are_another_matter(call, toy, recorded):
    out, add = recorded
    add(0, train_seed=5)
    add(1, method={"parameters": {"gamma": 2.0}})
    add(2, noise={"seed": 9, "steps": []})
    assert "left out" not in call("table", toy.file, "--out", out).err


def test_several_are_counted(call, toy, recorded):
    out, add = recorded
    add(0, method={"version": 7})
    add(2, method={"version": 7})
    done = call("table", toy.file, "--out", out)
    assert "left out: 2 records in " in done.err
