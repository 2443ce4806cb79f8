import json

import numpy as np
import pytest

from noisyseg.errors import InputError
from noisyseg.noise.corrupt import corrupt
from noisyseg.noise.operations import make
from noisyseg.noise.spec import NoiseSpec, make_step

NAMES = ["cat", "dog", "cow"]
HEIGHT, WIDTH = 40, 60
MASK_STEPS = {
    "scale": {"rate": 0.1, "kernel": 3},
    "boundary": {"rate": 0.1, "sigma": 1.0},
    "approximation": {"rate": 0.1, "tolerance": 1.0},
    "box-jitter": {"rate": 0.1, "r": 0.2},
}
BAD_MASKS = {
    "two points": [[1.0, 2.0, 8.0, 9.0]],
    "an odd number of coordinates": [[1, 1, 9, 1, 9, 9, 5]],
    "a text": "polygon",
    "a coordinate as text": [[1, 1, 9, "1", 9, 9]],
    "true as a coordinate": [[1, 1, 9, True, 9, 9]],
    "points as pairs": [[[1, 1], [9, 1], [9, 9]]],
    "an empty polygon beside a good one": [[1, 1, 9, 1, 9, 9], []],
    "no counts": {"size": [HEIGHT, WIDTH]},
    "run lengths of the turned image": {"size": [WIDTH, HEIGHT], "counts": [100, 2300]},
    "too few run lengths": {"size": [HEIGHT, WIDTH], "counts": [100, 200]},
    "negative run lengths": {"size": [HEIGHT, WIDTH], "counts": [2500, -100]},
    "damaged compressed run lengths": {"size": [HEIGHT, WIDTH], "counts": "PPPPPPPPP"},
    "a vertex at infinity": [[1, 1, 9, 1, 1e9, 9]],
}


def document(count=8, **fields):
    """Squares, the third with other fields."""
    square = {"segmentation": [[5, 5, 25, 5, 25, 25, 5, 25]], "bbox": [5, 5, 20, 20], "area": 400}
    annotations = [
        {"id": n, "image_id": 1, "category_id": n % 3, "iscrowd": 0, **square} for n in range(count)
    ]
    annotations[2] |= fields
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
        "annotations": annotations,
        "categories": [{"id": n, "name": name} for n, name in enumerate(NAMES)],
    }


def spec(*steps, seed=0):
    made = tuple(make_step(kind, classes=NAMES, **parameters) for kind, parameters in steps)
    return NoiseSpec(steps=made, seed=seed)


def outcomes(made, *steps, seeds=range(8)):
    """The error, or "" where there is none, at each seed."""
    found = []
    for seed in seeds:
        try:
            corrupt(made, spec(*steps, seed=seed))
            found.append("")
        except InputError as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize("segmentation", BAD_MASKS.values(), ids=BAD_MASKS)
@pytest.mark.parametrize("kind", MASK_STEPS)
def test_a_bad_mask_is_refused_whatever_is_drawn(kind, segmentation):
    (message,) = set(outcomes(document(segmentation=segmentation), (kind, MASK_STEPS[kind])))
    assert f"step 1, {kind}: " in message
    assert "annotation 2 of " in message


@pytest.mark.parametrize(
    "before",
    [
        ("missing", {"rate": 0.9}),
        ("symmetric", {"rate": 1.0}),
        ("scale", {"rate": 0.0, "kernel": 3}),
        ("bogus", {"rate": 0.5}),
    ],
)
def test_no_step_before_decides_on_an_error(before):
    made = document(segmentation=[[1, 2, 3, 4]])
    (message,) = set(outcomes(made, before, ("box-jitter", MASK_STEPS["box-jitter"])))
    assert "annotation 2 of " in message


def test_what_a_step_may_not_touch_is_not_its_to_refuse():
    made = document(segmentation=[[1, 2, 3, 4]], iscrowd=1)
    step = MASK_STEPS["scale"]
    assert set(outcomes(made, ("scale", step))) == {""}
    assert "" not in outcomes(made, ("scale", {**step, "crowds": True}))
    every_class = (
        ("symmetric", {"rate": 0.5}),
        ("missing", {"rate": 0.5}),
        ("bogus", {"rate": 0.5}),
    )
    assert set(outcomes(document(segmentation="x"), *every_class)) == {""}


@pytest.mark.parametrize("fields", [{"segmentation": []}, {"segmentation": None}])
def test_no_mask_at_all_is_no_bad_one(fields):
    for kind, parameters in MASK_STEPS.items():
        assert set(outcomes(document(**fields), (kind, parameters))) == {""}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bbox": [0, 0, 1e308, 1e308]}, "beyond 2^53: annotation 2 of image 1 (a.png): bbox ["),
        ({"bbox": [-1e300, 0, 1e300, 9]}, "beyond 2^53: annotation 2 of image 1 (a.png): bbox ["),
        ({"area": -1e308, "segmentation": []}, "annotation 2 of image 1 (a.png): area -1e+308"),
    ],
)
def test_numbers_that_jitter_would_make_infinite(fields, message):
    step = ("box-jitter", {"rate": 0.1, "r": 1.0})
    assert all(message in found for found in outcomes(document(**fields), step))
    assert set(outcomes(document(**fields), ("missing", {"rate": 0.1}))) == {""}


def test_an_area_that_the_mask_replaces_may_be_any():
    assert set(outcomes(document(area=1e308), ("box-jitter", {"rate": 0.5, "r": 1.0}))) == {""}
    assert set(outcomes(document(area="400"), ("box-jitter", {"rate": 0.5, "r": 1.0}))) == {""}


def test_three_are_shown_and_the_rest_counted():
    made = document(count=12)
    for entry in made["annotations"][3:11]:
        entry["segmentation"] = [[1, 2]]
    (message,) = set(outcomes(made, ("scale", MASK_STEPS["scale"])))
    assert [f"annotation {n} of " in message for n in range(12)] == [3 <= n < 6 for n in range(12)]
    assert "8 × a mask is neither" in message
    assert "and 5 more" in message


@pytest.fixture
def scored(tmp_path):
    """An instance-dependent step with scores of some annotations."""

    def step(ids, rate=0.1):
        path = tmp_path / "s.npz"
        np.savez(path, ids=np.array(ids), scores=np.ones((len(ids), 3)), classes=np.array(NAMES))
        return ("instance-dependent", {"rate": rate, "scores": str(path)})

    return step


@pytest.mark.parametrize(
    "before",
    [[], [("missing", {"rate": 0.9})], [("symmetric", {"rate": 0.5})]],
    ids=["alone", "missing", "symmetric"],
)
def test_every_annotation_needs_scores(before, scored, tmp_path):
    made = document()
    lacking = scored([n for n in range(8) if n != 2])
    (message,) = set(outcomes(made, *before, lacking))
    assert "the scores lack 1 of 8 annotations, e.g. id 2" in message
    clean = tmp_path / "clean.json"
    clean.write_text(json.dumps(made), encoding="utf-8")
    for seed in range(4):  # the way of digits, too
        with pytest.raises(InputError, match="the scores lack 1 of 8"):
            make(clean, tmp_path / "noisy.json", spec(*before, lacking, seed=seed))
    assert not (tmp_path / "noisy.json").exists()
    assert set(outcomes(made, *before, scored(range(8)))) == {""}
    made["annotations"][2]["iscrowd"] = 1
    assert set(outcomes(made, *before, lacking)) == {""}


def test_annotations_of_nothing_have_no_scores(scored):
    steps = (("bogus", {"rate": 0.5}), ("missing", {"rate": 0.9}), scored(range(8)))
    (message,) = set(outcomes(document(), *steps))
    assert "step 3, instance-dependent: annotations of nothing" in message
    assert set(outcomes(document(), *reversed(steps))) == {""}
    assert set(outcomes(document(), ("bogus", {"rate": 0.0}), scored(range(8)))) == {""}


def test_what_cannot_be_written_is_refused_whatever_is_drawn(tmp_path):
    made = document()
    made["annotations"][2]["attributes"] = json.loads("[" * 600 + "]" * 600)
    clean = tmp_path / "clean.json"
    clean.write_text(json.dumps(made), encoding="utf-8")
    for seed in range(8):
        with pytest.raises(InputError, match="cannot be written as JSON"):
            make(clean, tmp_path / "noisy.json", spec(("missing", {"rate": 0.5}), seed=seed))
    assert not (tmp_path / "noisy.json").exists()
