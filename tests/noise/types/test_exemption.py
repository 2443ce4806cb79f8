"""What an exempt class is to each type of noise."""

import json

import numpy as np
import pytest

from noisyseg.errors import InputError
from noisyseg.noise.corrupt import corrupt
from noisyseg.noise.operations import apply, invert, make, manifest_path, verify
from noisyseg.noise.spec import NoiseSpec, make_step

NAMES = ["root", "cat", "dog", "cow", "hen"]
K = len(NAMES)
MATRIX = {
    "root": {"cat": 0.5, "root": 0.5},
    "cat": {"root": 0.25, "dog": 0.25, "cat": 0.5},
    "dog": {"root": 0.5, "hen": 0.5},
    "cow": {"cow": 1.0},
    "hen": {"cat": 0.125, "dog": 0.375, "hen": 0.5},
}


def document(per_class=40, empty=()):
    categories = [
        {"id": 7 * n + 2, "name": name, "supercategory": "all"} for n, name in enumerate(NAMES)
    ]
    labels = [c["id"] for c in categories if c["name"] not in empty] * per_class
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": label, "bbox": [5, 5, 20, 20], "iscrowd": 0}
            for n, label in enumerate(labels)
        ],
        "categories": categories,
    }


def spec(kind, *, seed=1, **parameters):
    return NoiseSpec(steps=(make_step(kind, classes=NAMES, **parameters),), seed=seed)


@pytest.fixture
def steps(tmp_path):
    """Every type whose labels can be exempted, at its greatest rate, with root and hen exempt."""
    path = tmp_path / "s.npz"
    scores = np.tile([9.0, 1.0, 2.0, 3.0, 9.0], (40 * K, 1))
    np.savez(path, ids=np.arange(40 * K), scores=scores, classes=np.array(NAMES))
    pairs = {"root": "cat", "cat": "dog", "dog": "hen", "cow": "cat"}
    return {
        "symmetric": {"rate": 1.0},
        "asymmetric": {"rate": 1.0, "map": pairs},
        "superclass-pairs": {"rate": 1.0},
        "superclass-uniform": {"rate": 1.0},
        "matrix": {"matrix": MATRIX},
        "confusion": {"matrix": MATRIX},
        "instance-dependent": {"rate": 1.0, "scores": str(path)},
    }


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_exempt_class_neither_gives_nor_receives(steps, seed):
    exempt = ["root", "hen"]
    clean = document()
    for kind, parameters in steps.items():
        _, manifest = corrupt(clean, spec(kind, seed=seed, exempt=exempt, **parameters))
        counts = np.array(manifest["counts"])
        for place in (NAMES.index(name) for name in exempt):
            assert counts[place].sum() == counts[:, place].sum() == counts[place, place] == 40
        assert np.trace(counts) < counts.sum()
        assert manifest["steps"][0]["flipped"] == counts.sum() - np.trace(counts)


# By hand: rows and columns are root, cat, dog, cow, hen; of each row, what is not said stays.
EXPECTED = {
    "symmetric": {
        ("cat", "dog"): 0.3,
        ("cat", "cow"): 0.3,
        ("dog", "cat"): 0.3,
        ("dog", "cow"): 0.3,
    }
    | {("cow", "cat"): 0.3, ("cow", "dog"): 0.3},
    "asymmetric": {("cat", "dog"): 0.6, ("cow", "cat"): 0.6},
    "matrix": {("cat", "dog"): 0.25},
    "confusion": {("cat", "dog"): 0.25},
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_the_matrix_that_is_left(kind, steps):
    parameters = {**steps[kind], **({"rate": 0.6} if "rate" in steps[kind] else {})}
    _, manifest = corrupt(document(), spec(kind, exempt=["root", "hen"], **parameters))
    wanted = np.eye(K)
    for (source, target), share in EXPECTED[kind].items():
        i, j = NAMES.index(source), NAMES.index(target)
        wanted[i, j] += share
        wanted[i, i] -= share
    assert np.allclose(manifest["steps"][0]["expected_matrix"], wanted, rtol=0, atol=1e-15)


def test_the_scripts_symmetric_noise_leaves_the_last_class_that_is_not_exempt():
    step = spec("symmetric", rate=1.0, convention="lncis-code", exempt=["hen"])
    matrix = np.array(corrupt(document(), step)[1]["steps"][0]["expected_matrix"])
    # Of root, cat, dog, cow by id, the last is cow; own labels are drawn as well.
    assert np.allclose(matrix[:4], [[1 / 3, 1 / 3, 1 / 3, 0, 0]] * 4, rtol=0, atol=1e-15)
    assert matrix[4].tolist() == [0, 0, 0, 0, 1]


def test_scores_of_exempt_classes_do_not_count(steps):
    step = spec("instance-dependent", exempt=["root", "hen"], **steps["instance-dependent"])
    report = corrupt(document(), step)[1]["steps"][0]
    assert report["eligible"] == 3 * 40
    # Nearly all flip: an own rate is 1 but for what the normal loses beyond it.
    assert report["flipped"] > 0.8 * report["eligible"]


def test_the_other_classes_draw_as_if_the_exempt_one_were_not_there():
    clean = document(empty=["root"])
    without = {**clean, "categories": clean["categories"][1:]}
    step = {"rate": 0.5}
    exempted, _ = corrupt(clean, spec("symmetric", exempt=["root"], **step))
    names = NAMES[1:]
    alone, _ = corrupt(
        without, NoiseSpec(steps=(make_step("symmetric", classes=names, **step),), seed=1)
    )
    assert exempted["annotations"] == alone["annotations"]


def test_no_annotation_of_nothing_is_of_an_exempt_class():
    _, manifest = corrupt(document(), spec("bogus", rate=0.5, exempt=["root", "cow"]))
    added = {entry["name"]: entry["noisy"] - entry["clean"] for entry in manifest["classes"]}
    assert added["root"] == added["cow"] == 0
    assert all(added[name] > 40 for name in ("cat", "dog", "hen"))
    with pytest.raises(
        InputError, match=r"at least one class .*got 0 of 5: cat, cow, dog, hen, ro"
    ):
        corrupt(document(), spec("bogus", rate=0.5, exempt=NAMES))


@pytest.mark.parametrize("kind", ["symmetric", "matrix", "confusion", "instance-dependent"])
def test_one_class_cannot_flip(kind, steps):
    with pytest.raises(
        InputError, match="at least two classes to turn labels into, got 1 of 5: ca"
    ):
        corrupt(document(), spec(kind, exempt=["root", "cat", "dog", "cow"], **steps[kind]))


def test_a_map_of_which_nothing_is_left(steps):
    with pytest.raises(InputError, match="every pair of the class map has one of the exempt"):
        corrupt(document(), spec("asymmetric", exempt=["cat", "dog"], **steps["asymmetric"]))


def test_exempt_classes_that_the_file_lacks():
    made = document()
    made["categories"][4]["name"] = "owl"
    with pytest.raises(InputError, match=r"the exempt classes are hen, but .* Leave out hen"):
        corrupt(made, spec("symmetric", rate=0.5, exempt=["hen"]))


def test_files_with_exempt_classes_go_there_and_back_by_digits(tmp_path):
    clean, noisy = tmp_path / "clean.json", tmp_path / "noisy.json"
    clean.write_text(json.dumps(document(), indent=2), encoding="utf-8")
    manifest = make(clean, noisy, spec("symmetric", rate=0.5, exempt=["root"]))
    assert manifest["writer"] == "digits"
    assert verify(noisy, clean) == []
    apply(clean, manifest_path(noisy), tmp_path / "again.json")
    invert(noisy, manifest_path(noisy), tmp_path / "back.json")
    assert (tmp_path / "again.json").read_bytes() == noisy.read_bytes()
    assert (tmp_path / "back.json").read_bytes() == clean.read_bytes()
