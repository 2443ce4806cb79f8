import json

import pytest

from noisyseg.bench.runs.noise_matrix import realised_matrix
from noisyseg.errors import InputError
from noisyseg.noise.files.noisy_files import write_noisy
from noisyseg.noise.spec import NoiseSpec, parse_steps

NAMES = ("fox", "cat", "dog")


@pytest.fixture
def noisy(toy, tmp_path):
    """Writes the toy's training file with noise; gives manifest and labels before and after."""

    def make(*steps):
        spec = NoiseSpec(steps=parse_steps(list(steps), NAMES, "noise", toy.root), seed=3)
        clean = toy.root / "train.json"
        path, manifest = write_noisy(clean, tmp_path / "noisy", spec)
        labels = []
        for file in (clean, path):
            document = json.loads(file.read_bytes())
            names = {entry["id"]: entry["name"] for entry in document["categories"]}
            # Crowds are never trained on, and no noise changes them.
            single = [entry for entry in document["annotations"] if not entry["iscrowd"]]
            assert len(single) < len(document["annotations"])
            labels.append({entry["id"]: names[entry["category_id"]] for entry in single})
        return manifest, *labels

    return make


def counted(before, after, classes):
    """Rows of shares by hand: of the annotations of class i that are left, those called j."""
    rows = []
    for clean in classes:
        to = [after[n] for n in before if before[n] == clean and after.get(n) in classes]
        rows.append([to.count(name) / len(to) for name in classes] if to else None)
    return rows


def test_clean_labels_keep_themselves():
    assert realised_matrix(None, NAMES) == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def test_what_is_no_manifest_is_refused(tmp_path):
    path = tmp_path / "x.manifest.json"
    for text in ("{", '{"classes": [], "counts": []}'):
        path.write_text(text)
        with pytest.raises(InputError, match=r"x\.manifest\.json"):
            realised_matrix(path, NAMES)


@pytest.mark.parametrize("classes", [NAMES, NAMES[::-1], ("dog", "fox")])
@pytest.mark.parametrize(
    "steps",
    [
        [{"type": "symmetric", "rate": 0.8}],
        [{"type": "asymmetric", "rate": 1.0, "map": {"cat": "dog"}}],
        [{"type": "symmetric", "rate": 0.5}, {"type": "missing", "rate": 0.2}],
        [{"type": "symmetric", "rate": 0.5}, {"type": "symmetric", "rate": 0.5}],
        [{"type": "bogus", "rate": 0.5}],
    ],
    ids=["symmetric", "asymmetric", "missing", "twice", "bogus"],
)
def test_the_matrix_is_what_the_noisy_file_holds(noisy, steps, classes):
    manifest, before, after = noisy(*steps)
    found = realised_matrix(manifest, classes)
    expected = counted(before, after, classes)
    assert any(row is not None for row in expected)
    for number, (row, hand) in enumerate(zip(found, expected, strict=True)):
        assert sum(row) == pytest.approx(1.0)
        if hand is None:  # a class without annotations keeps its label
            hand = [float(number == other) for other in range(len(classes))]
        assert row == pytest.approx(hand)


def test_a_class_that_the_manifest_does_not_know(noisy):
    manifest, *_ = noisy({"type": "symmetric", "rate": 0.8})
    with pytest.raises(
        InputError, match=r"its classes are .*'cat'.*the run's are \['cat', 'bird'\]"
    ):
        realised_matrix(manifest, ["cat", "bird"])
