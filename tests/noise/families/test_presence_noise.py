import math
import random
from collections import Counter

import numpy as np
import pytest

from noisyseg.errors import InputError
from noisyseg.noise.corrupt import corrupt
from noisyseg.noise.families.presence_noise import AdditionNoise
from noisyseg.noise.proportion import binomial_interval
from noisyseg.noise.spec import NoiseSpec, make_step
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.registry import NOISE_TYPES

NAMES = ["cat", "dog", "cow", "hen"]


def apply(document, *steps, seed=1):
    parsed = tuple(make_step(kind, classes=NAMES, **values) for kind, values in steps)
    noisy, manifest = corrupt(document, NoiseSpec(steps=parsed, seed=seed))
    return noisy["annotations"], manifest["steps"][-1]


@pytest.fixture
def document(make_document):
    return make_document(NAMES, per_class=25, crowds=8)


def ids(annotations):
    return {entry["id"] for entry in annotations}


def added(document, annotations):
    return [entry for entry in annotations if entry["id"] not in ids(document["annotations"])]


@pytest.mark.parametrize(
    ("rate", "gone"), [(0, 0), (0.004, 0), (0.29, 29), (0.57, 57), (0.999, 99), (1, 100)]
)
def test_missing_drops_an_exact_count_of_those_that_are_no_crowds(document, rate, gone):
    after, report = apply(document, ("missing", {"rate": rate}))
    assert len(after) == 108 - gone
    assert sum(entry["iscrowd"] for entry in after) == 8
    assert all(entry in document["annotations"] for entry in after)
    assert (report["eligible"], report["removed"]) == (100, gone)
    assert report["rate_of_eligible"] == gone / 100


def test_missing_drops_those_of_the_smallest_draws(document, plain_bits):
    after, report = apply(document, ("missing", {"rate": 0.3}), seed=9)
    objects = [entry for entry in document["annotations"] if not entry["iscrowd"]]
    ranked = sorted(objects, key=lambda entry: plain_bits(9, "missing/0/rank", entry["id"]))
    assert ids(document["annotations"]) - ids(after) == ids(ranked[:30])
    counts = Counter(entry["category_id"] for entry in ranked[:30])
    assert report["per_class"] == {
        "eligible": [25] * 4,
        "removed": [counts[category["id"]] for category in document["categories"]],
    }


def test_crowds_can_go_missing_too(document):
    after, report = apply(document, ("missing", {"rate": 1.0, "crowds": True}))
    assert after == []
    assert report["eligible"] == 108


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.2), (0.2, 0.4), (0.4, 0.9)])
def test_rates_are_nested(document, low, high):
    fewer, more = (apply(document, ("missing", {"rate": r}))[0] for r in (high, low))
    assert ids(fewer) < ids(more)
    few, many = (added(document, apply(document, ("bogus", {"rate": r}))[0]) for r in (low, high))
    assert many[: len(few)] == few
    assert len(many) > len(few)


@pytest.mark.parametrize("rate", [0, 0.009, 0.1, 0.2, 0.3, 0.5, 0.9])
def test_bogus_adds_an_exact_count(document, rate):
    after, report = apply(document, ("bogus", {"rate": rate}))
    per_mille = round(1000 * rate)
    count = per_mille * 100 // (1000 - per_mille)
    assert after[:108] == document["annotations"]
    assert len(after) == 108 + count
    assert report["added"] == sum(report["per_class"]["added"]) == count
    assert report["rate_of_eligible"] == count / (100 + count)


def test_bogus_annotations_are_whole_and_inside_their_image(document):
    after = added(document, apply(document, ("bogus", {"rate": 0.9}))[0])
    largest = max(ids(document["annotations"]))
    assert [entry["id"] for entry in after] == list(range(largest + 1, largest + 901))
    for entry in after:
        left, top, width, height = entry["bbox"]
        assert 1 <= width <= 10  # at most half of 20 × 10 pixels
        assert 1 <= height <= 5
        assert min(left, top) >= 0
        assert left + width <= 20
        assert top + height <= 10
        assert entry["area"] == width * height
        right, bottom = left + width, top + height
        corners = [left, top, right, top, right, bottom, left, bottom]
        assert entry["segmentation"] == [corners]
        assert entry["iscrowd"] == 0


def test_bogus_images_classes_and_boxes_are_uniform(make_document):
    document = make_document(NAMES, per_class=250)
    for image in document["images"]:
        image.update(width=1000, height=2000)
    after = added(document, apply(document, ("bogus", {"rate": 0.8}))[0])
    n = len(after)
    assert n == 4000
    for key, kinds in (("image_id", 7), ("category_id", 4)):
        counts = np.array(list(Counter(entry[key] for entry in after).values()))
        assert len(counts) == kinds
        chi_square = ((counts - n / kinds) ** 2 / (n / kinds)).sum()
        assert chi_square < 28  # p < 1e-4 for 6 degrees of freedom
    boxes = np.array([entry["bbox"] for entry in after]) / [1000, 2000, 1000, 2000]
    starts, sizes = boxes[:, :2], boxes[:, 2:]
    for values, low, high in (
        *((column, 0.05, 0.5) for column in sizes.T),
        *((column, 0, 1) for column in (starts / (1 - sizes)).T),
    ):
        shares = (np.sort(values) - low) / (high - low)
        assert np.abs(shares - np.arange(n) / n).max() < 2.23 / math.sqrt(n) + 0.005


def test_order_of_annotations_and_images_does_not_matter(document):
    steps = (("missing", {"rate": 0.3}), ("bogus", {"rate": 0.3}))
    expected = {entry["id"]: entry for entry in apply(document, *steps)[0]}
    random.Random(0).shuffle(document["annotations"])
    random.Random(1).shuffle(document["images"])
    assert {entry["id"]: entry for entry in apply(document, *steps)[0]} == expected


def test_no_new_annotation_takes_the_id_of_one_that_is_gone(document):
    steps = (("missing", {"rate": 1.0, "crowds": True}), ("bogus", {"rate": 0.5}))
    assert apply(document, *steps)[0] == []  # none of none
    last = document["annotations"][-1]["id"]
    for seed in range(4):
        after, _ = apply(document, ("missing", {"rate": 0.9}), ("bogus", {"rate": 0.5}), seed=seed)
        assert min(ids(added(document, after))) == last + 1


def test_one_pixel_images_and_no_annotations(document):
    for image in document["images"]:
        image.update(width=1, height=1)
    assert {
        tuple(e["bbox"]) for e in added(document, apply(document, ("bogus", {"rate": 0.5}))[0])
    } == {(0, 0, 1, 1)}
    document["annotations"] = []
    after, report = apply(document, ("missing", {"rate": 0.5}), ("bogus", {"rate": 0.5}))
    assert after == []
    assert report["rate_of_eligible"] is None


def test_bad_rates_and_ids(document):
    with pytest.raises(InputError, match="below 1"):
        make_step("bogus", classes=NAMES, rate=1)
    with pytest.raises(InputError, match="from 0 to 1"):
        make_step("missing", classes=NAMES, rate=1.1)
    document["annotations"][0]["id"] = 2**63 - 5
    with pytest.raises(InputError, match="renumber"):
        apply(document, ("bogus", {"rate": 0.5}))


TWINS = NoiseType(
    name="twins",
    version=1,
    family=AdditionNoise(
        added=lambda _, scene, draws: [
            {**scene.document["annotations"][place], "id": scene.largest_id + 1 + place}
            for place in range(3)
        ]
    ),
    summary="the first three annotations once more",
    source="none",
    parameters={},
)


def test_another_type_that_adds_reports_what_it_adds(document, monkeypatch):
    monkeypatch.setitem(NOISE_TYPES, "twins", TWINS)
    after, report = apply(document, ("twins", {}))
    assert len(added(document, after)) == 3
    assert report == {
        "type": "twins",
        "intended_rate": None,
        "eligible": 100,
        "added": 3,
        "rate_of_eligible": 3 / 103,
        "rate_of_eligible_interval": binomial_interval(3, 103),
        "rate_of_all": 3 / 111,
        "per_class": {"eligible": [25] * 4, "added": report["per_class"]["added"]},
    }
    assert sum(report["per_class"]["added"]) == 3


def test_scores_are_refused_after_any_type_that_adds(document, monkeypatch, tmp_path):
    monkeypatch.setitem(NOISE_TYPES, "twins", TWINS)
    numbers = sorted(ids(document["annotations"]))
    np.savez(tmp_path / "s.npz", ids=numbers, scores=np.ones((len(numbers), 4)), classes=NAMES)
    scored = ("instance-dependent", {"rate": 0.4, "scores": str(tmp_path / "s.npz")})
    apply(document, scored, ("twins", {}))
    with pytest.raises(InputError, match="the twins step before it adds, have no scores"):
        apply(document, ("twins", {}), scored)
