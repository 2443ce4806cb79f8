import pytest

from noisyseg.noise.corrupt import corrupt
from noisyseg.noise.noise_warnings import foreseen_warnings, noise_warnings
from noisyseg.noise.spec import NoiseSpec, parse_steps

NAMES = ["animals", "cat", "dog", "cow"]


def document(per_class=20, crowds=(), empty=("animals",)):
    labels = [n for n, name in enumerate(NAMES) if name not in empty] * per_class
    annotations = [
        {"id": n, "image_id": 1, "category_id": label, "bbox": [5, 5, 20, 20], "iscrowd": 0}
        for n, label in enumerate([*labels, *map(NAMES.index, crowds)])
    ]
    for entry in annotations[len(labels) :]:
        entry["iscrowd"] = 1
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}],
        "annotations": annotations,
        "categories": [{"id": n, "name": name} for n, name in enumerate(NAMES)],
    }


def spec(*raw, seed=1):
    return NoiseSpec(steps=parse_steps(list(raw), NAMES, "here"), seed=seed)


def warnings_of(made, *raw):
    _, manifest = corrupt(made, spec(*raw))
    return noise_warnings(manifest), manifest


SYMMETRIC = {"type": "symmetric", "rate": 0.5}


def test_a_class_without_annotations_that_receives_labels_is_named():
    (text,), manifest = warnings_of(document(), SYMMETRIC)
    received = sum(row[0] for row in manifest["counts"])
    total = manifest["annotations"]["class_changed"]
    assert 0 < received < total
    assert text.startswith(f"{received} of {total} flipped labels ({100 * received / total:.1f} %)")
    assert f"'animals' ({received})" in text
    assert all(way in text for way in ("`classes`", "`--classes`", "`exempt`"))


@pytest.mark.parametrize(
    ("made", "steps"),
    [
        (document(), [{**SYMMETRIC, "exempt": ["animals"]}]),
        (document(empty=()), [SYMMETRIC]),
        (document(), [{"type": "asymmetric", "rate": 0.5, "map": {"cat": "dog"}}]),
        (document(), [{"type": "missing", "rate": 0.5}]),
        (document(), [{"type": "bogus", "rate": 0.5, "exempt": ["animals"]}]),
        # Of 'animals', the second step makes cats again, all of them.
        (
            document(),
            [
                {"type": "asymmetric", "rate": 0.5, "map": {"dog": "animals"}},
                {"type": "asymmetric", "rate": 1.0, "map": {"animals": "cat"}},
            ],
        ),
    ],
)
def test_nothing_is_said_of_noise_that_is_as_it_should_be(made, steps):
    assert warnings_of(made, *steps)[0] == []


def test_several_classes_and_added_annotations():
    bogus = {"type": "bogus", "rate": 0.5}
    (flipped, added), manifest = warnings_of(document(empty=("animals", "cow")), SYMMETRIC, bogus)
    counts = {name: sum(row[n] for row in manifest["counts"]) for n, name in enumerate(NAMES)}
    noisy = {entry["name"]: entry["noisy"] for entry in manifest["classes"]}
    assert f"'animals' ({counts['animals']}), 'cow' ({counts['cow']})" in flipped
    assert "of 40 added annotations" in added
    for name in ("animals", "cow"):
        assert f"'{name}' ({noisy[name] - counts[name]})" in added


def test_a_class_of_crowds_alone():
    (text,), _ = warnings_of(document(crowds=["animals"] * 3), SYMMETRIC)
    assert "no annotation of (crowds aside): 'animals'" in text


@pytest.mark.parametrize(
    ("made", "step", "message"),
    [
        (
            document(),
            {**SYMMETRIC, "rate": 0.0},
            "symmetric: it changed nothing: 0 flipped of 60 e",
        ),
        (document(), {**SYMMETRIC, "rate": 0.0}, "at a rate of 0."),
        (
            document(),
            {"type": "asymmetric", "rate": 1.0, "map": {"animals": "cat"}},
            "0 flipped of 0 eligible annotations: the file has none that it could change.",
        ),
        (
            document(0, crowds=["cat"] * 5),
            SYMMETRIC,
            "none that it could change, 5 crowds aside (`crowds: true` takes them, too)",
        ),
        (
            document(crowds=["cat"]),
            {"type": "asymmetric", "rate": 1.0, "map": {"animals": "cat"}, "crowds": True},
            "the file has none that it could change.",
        ),
        (document(), {"type": "scale", "rate": 1.0, "kernel": 3}, "0 changed of 0 eligible"),
        (document(), {"type": "missing", "rate": 0.01}, "0 removed of 60 eligible annotations."),
        (document(0, crowds=["cat"]), {"type": "bogus", "rate": 0.5}, "0 added of 0 eligible"),
        (document(1), {"type": "box-jitter", "r": 0.1, "rate": 0.0}, "0 changed of 3 eligible"),
    ],
)
def test_a_step_that_changed_nothing(made, step, message):
    (text,), _ = warnings_of(made, step)
    assert text.startswith("step 1, ")
    assert message in text


@pytest.mark.parametrize("seed", range(3))
def test_what_is_foreseen_comes_true(seed):
    made = document()
    for entry in made["annotations"]:
        entry["segmentation"] = [[5, 5, 25, 5, 25, 25]]
    scale = {"type": "scale", "rate": 0.5, "kernel": 3}
    nothing = {"type": "asymmetric", "rate": 0.0, "map": {"cat": "dog"}}
    steps = (scale, SYMMETRIC, scale, {"type": "missing", "rate": 0.3}, nothing, SYMMETRIC)
    _, manifest = corrupt(made, spec(*steps, seed=seed))
    found = foreseen_warnings(made, spec(*steps, seed=seed))
    assert found == noise_warnings(manifest)
    assert found[0].startswith("step 5, asymmetric: ")
    assert foreseen_warnings(made, spec({**scale, "rate": 0.0})) == []


def test_the_step_is_named_by_its_number():
    steps = [SYMMETRIC, {"type": "missing", "rate": 0.0}]
    texts, _ = warnings_of(document(empty=()), *steps)
    assert texts == [
        "step 2, missing: it changed nothing: 0 removed of 80 eligible annotations, at a rate of 0."
    ]
