"""Every type keeps the contract; a type that breaks one point of it fails that check alone."""

from dataclasses import replace

import numpy as np
import pytest

from noisyseg.errors import InputError
from noisyseg.noise.contract.checks import CHECKS
from noisyseg.noise.contract.trial import trial_document, trial_of
from noisyseg.noise.contract.verdict import check_contract
from noisyseg.noise.draws import Purpose
from noisyseg.noise.families.class_noise import ClassLaw, ClassNoise
from noisyseg.noise.families.geometry_noise import GeometryNoise
from noisyseg.noise.families.presence_noise import AdditionNoise, RemovalNoise
from noisyseg.noise.types.mask_noise import scale
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.parameters import Parameter, flag, rate
from noisyseg.noise.types.presence_noise import bogus
from noisyseg.noise.types.registry import NOISE_TYPES

RATE = Parameter(parse=rate, summary="how many")
CROWDS = Parameter(parse=flag, default=False, summary="crowds, too")


@pytest.mark.parametrize("name", NOISE_TYPES)
def test_every_built_in_type_keeps_the_contract(name):
    checks = check_contract(NOISE_TYPES[name])
    assert [check for check in checks if not check.passed] == []
    asked = [
        n for n, (_, families) in CHECKS.items() if isinstance(NOISE_TYPES[name].family, families)
    ]
    assert [check.name for check in checks] == asked


class Law:
    """A label becomes the next class; `wrong` says in what the draws are not so."""

    def __init__(self, rate, k, wrong):
        self.rate, self.k, self.wrong = rate, k, wrong
        self.sources = np.ones(k, dtype=bool)

    def matrix(self):
        away = self.rate * np.roll(np.eye(self.k), 1, axis=1)
        return away + (1 - self.rate) * np.eye(self.k) * (0.9 if self.wrong == "rows" else 1)

    def expected_flips(self, ids, classes):
        return self.rate * len(ids)

    def redraw(self, ids, classes, draws):
        jump, rate = 1, self.rate
        if self.wrong == "idle":
            jump = 0
        if self.wrong == "too few":
            rate = 0.8 * self.rate
        if self.wrong == "another target":
            jump = np.where(classes == 2, 2, 1)
        if self.wrong == "knows how many there are":
            ids = ids + np.uint64(len(ids))
        if self.wrong == "raises":
            raise ZeroDivisionError("one annotation is no population")
        flips = draws.uniform(Purpose.FLIP, ids) < rate
        return np.where(flips, (classes + jump) % self.k, classes)


def class_type(wrong):
    def law(given, categories, draws):
        return ClassLaw(transition=Law(given["rate"], len(categories), wrong))

    return made(ClassNoise(law=law), crowds=CROWDS)


def made(family, **parameters):
    return NoiseType(
        name="broken",
        family=family,
        summary="noise",
        source="none",
        parameters={"rate": RATE, **parameters},
    )


def removing(wrong):
    def kept(given, scene, draws):
        numbers, share = scene.table.numbers, given["rate"]
        if wrong == "by place":
            numbers = np.arange(len(numbers))
        if wrong == "other ones at another rate":
            numbers = numbers + int(100 * share)
        if wrong == "one seed":
            draws = replace(draws, seed=5)
        if wrong == "half as many":
            share = share / 2
        gone = scene.eligible & (draws.uniform(Purpose.RANK, numbers) < share)
        if wrong == "crowds" and share:
            gone |= scene.table.crowds
        if wrong == "changes what it is given" and share:
            min(scene.document["annotations"], key=lambda entry: entry["id"])["area"] += 1
        return ~gone

    return made(RemovalNoise(kept=kept))


def adding(wrong):
    def added(given, scene, draws):
        new = bogus({**given, "exempt": []}, scene, draws)
        chance = np.random.random() if wrong == "chance" else 0
        for entry in new:
            entry |= {
                "chance": {"score": chance},
                "area": {"area": 9 * entry["area"]},
                "box": {"bbox": [entry["bbox"][0], 0.0, entry["bbox"][2], 999.0]},
                "image": {"image_id": -1},
                "id": {"id": scene.largest_id},
            }.get(wrong, {})
        return new

    return made(AdditionNoise(added=added))


def shifted(instance, parameters, draws):
    left, top, across, down = instance.box
    return replace(instance, box=(left, top, across / 2, down / 2))


BROKEN = {
    "noise on annotations": [
        *(class_type("idle"), class_type("raises"), adding("image"), adding("id")),
    ],
    "determinism": [adding("chance")],
    "seeds differ": [removing("one seed")],
    "annotations by themselves": [removing("by place"), class_type("knows how many there are")],
    "nesting in the rate": [removing("other ones at another rate")],
    "rates": [
        *(class_type("too few"), class_type("another target"), class_type("rows")),
        removing("half as many"),
    ],
    "inversion by the manifest": [removing("changes what it is given")],
    "crowds left alone": [removing("crowds")],
    "boxes, areas and masks": [
        *(adding("area"), adding("box"), made(GeometryNoise(change=shifted))),
    ],
    "other processes": [
        made(GeometryNoise(change=lambda *given: scale(given[0], {"kernel": 3}, given[2]))),
    ],
}


def test_each_check_has_a_type_that_breaks_it():
    assert list(BROKEN) == list(CHECKS)


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, kinds in BROKEN.items() for kind in kinds]
)
def test_a_type_that_breaks_one_thing_fails_that_check_alone(name, kind, monkeypatch):
    monkeypatch.setitem(NOISE_TYPES, "broken", kind)
    failed = [check for check in check_contract(kind) if not check.passed]
    assert [check.name for check in failed] == [name], failed
    assert failed[0].detail


WHOLE = [
    *(class_type(""), removing(""), adding("")),
    replace(removing("other ones at another rate"), nests=False),
]


@pytest.mark.parametrize("kind", WHOLE)
def test_the_broken_types_are_whole_but_for_what_is_broken(kind, monkeypatch):
    monkeypatch.setitem(NOISE_TYPES, "broken", kind)
    assert all(check.passed for check in check_contract(kind))


def test_what_a_type_raises_is_told_with_its_line(monkeypatch):
    kind = class_type("raises")
    monkeypatch.setitem(NOISE_TYPES, "broken", kind)
    (check,) = check_contract(kind)
    assert "raised ZeroDivisionError: one annotation is no population (" in check.detail
    assert "test_contract.py, line " in check.detail


def test_a_parameter_without_a_value_is_asked_for(monkeypatch):
    needy = replace(removing(""), parameters={"share": RATE})
    with pytest.raises(InputError, match=r"'share' must have a value .*--set share=VALUE"):
        trial_of(needy)


def test_the_trial_document_holds_what_noise_may_stumble_over():
    masks = [entry.get("segmentation") for entry in trial_document()["annotations"]]
    assert {type(mask) for mask in masks} == {list, dict, type(None)}
    assert any(entry["iscrowd"] for entry in trial_document()["annotations"])
