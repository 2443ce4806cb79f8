"""What a bundle is held against where the data or the weights are not here."""

import pytest

from noisyseg.bench.leaderboard.checks.installed import Cell, installed
from noisyseg.bench.leaderboard.ground import ground_for
from noisyseg.bench.runs.grid import expand
from noisyseg.errors import InputError
from noisyseg.results.records.store import RunStore

STATED = {
    "data": {"name": "toy", "classes": ["fox", "cat", "dog"]},
    "model": {"weights_sha256": "a" * 64},
}


@pytest.fixture
def ground(toy, tmp_path):
    def make(**options):
        toy.write()
        return ground_for(str(toy.file), None, data_root=None, cache=tmp_path / "cache", **options)

    return make


def test_the_specs_are_those_that_run_makes(toy, ground, tmp_path):
    found = ground()
    against = installed(found.suite, found.data, tmp_path / "shared", stated=STATED)
    runs = expand(found.suite, RunStore(tmp_path / "runs"))
    assert len(runs) == 4
    for run in runs:
        cell = Cell(run.noise_label, run.noise_seed, run.seed)
        assert against.is_cell(cell)
        assert against.spec(cell, run.spec["method"]) == run.spec
    assert not against.is_cell(Cell("sym40", None, 0))
    assert not against.is_cell(Cell("clean", 0, 0))


def test_without_data_the_suite_decides_all_but_the_content(toy, ground, tmp_path):
    toy.suite["data"]["classes"] = ["fox", "dog"]
    found = ground(with_data=False)
    against = installed(found.suite, None, tmp_path, stated=STATED)
    data = against.common["data"]
    assert data["classes"] == ["fox", "dog"]
    assert (data["name"], data["images"]) == ("toy", "any")
    assert data["limit"] == {"train": None, "eval": None}


@pytest.mark.parametrize("classes", [None, [], "fox", [5], ["a\u202eb"], [["fox"]]])
def test_without_data_classes_must_be_names(ground, tmp_path, classes):
    stated = {**STATED, "data": {"name": "toy", "classes": classes}}
    with pytest.raises(InputError):
        installed(ground(with_data=False).suite, None, tmp_path, stated=stated)


def test_without_data_another_suite_s_classes_are_the_reason_and_no_place_is(toy, ground, tmp_path):
    toy.suite["noise"]["mapped"] = [{"type": "asymmetric", "rate": 0.4, "map": {"fox": "cat"}}]
    stated = {**STATED, "data": {"name": "toy", "classes": ["disk", "ring"]}}
    with pytest.raises(InputError, match="disk, ring are no classes of suite toy") as refused:
        installed(ground(with_data=False).suite, None, tmp_path, stated=stated)
    assert str(tmp_path) not in str(refused.value)


def test_weights_that_are_not_here_are_taken_on_trust_but_not_their_absence(toy, ground, tmp_path):
    toy.suite["model"] = {"extends": "mask-rcnn-mobilenetv2", "weights": "none.pth"}
    found = ground()
    assert not found.has_weights

    def weights(stated):
        against = installed(
            found.suite, found.data, tmp_path, stated={**STATED, "model": stated}, has_weights=False
        )
        return against.common["model"]["weights_sha256"]

    assert weights({"weights_sha256": "a" * 64}) == "a" * 64
    for absent in ({}, {"weights_sha256": None}, {"weights_sha256": "none"}):
        assert weights(absent) not in (None, "none")


def test_a_variant_that_the_suite_has_not_is_left_to_the_checks(toy, tmp_path):
    toy.write()
    found = ground_for(str(toy.file), "fast", data_root=None, cache=tmp_path / "cache")
    assert found.suite.variant is None


def test_a_suite_that_is_not_there_cannot_be_held_against(tmp_path):
    with pytest.raises(InputError, match="unknown suite"):
        ground_for("none", None, data_root=None, cache=tmp_path)
