import json

import pytest

from noisyseg.bench.runs.wrong_labels import wrong_labels
from noisyseg.errors import InputError
from noisyseg.noise.files.noisy_files import write_noisy
from noisyseg.noise.spec import NoiseSpec, parse_steps

NAMES = ("fox", "cat", "dog")


@pytest.fixture
def noisy(toy, tmp_path):
    """Writes the toy's training file with noise; gives clean and noisy annotations, manifest."""

    def make(*steps):
        spec = NoiseSpec(steps=parse_steps(list(steps), NAMES, "noise", toy.root), seed=3)
        clean = toy.root / "train.json"
        files = write_noisy(clean, tmp_path / "noisy", spec)
        read = [json.loads(path.read_bytes()) for path in (clean, files[0])]
        names = {entry["id"]: entry["name"] for entry in read[0]["categories"]}
        labels = [
            {entry["id"]: names[entry["category_id"]] for entry in document["annotations"]}
            for document in read
        ]
        return (*labels, files[1])

    return make


def test_clean_labels_have_none_wrong():
    assert wrong_labels(None, NAMES) == {}


def test_changed_labels_come_with_their_true_class(noisy):
    clean, after, manifest = noisy({"type": "symmetric", "rate": 0.8})
    changed = {number: clean[number] for number in clean if clean[number] != after[number]}
    assert changed
    for classes in (NAMES, NAMES[::-1]):
        found = wrong_labels(manifest, classes)
        assert {number: classes[true] for number, true in found.items()} == changed


def test_a_class_outside_the_run_is_no_true_class(noisy):
    clean, after, manifest = noisy({"type": "symmetric", "rate": 0.8})
    found = wrong_labels(manifest, ["cat"])
    for number, true in found.items():
        assert true == (0 if clean[number] == "cat" else -1)
    assert set(found) == {number for number in clean if clean[number] != after[number]}


def test_added_annotations_are_of_nothing(noisy):
    clean, after, manifest = noisy({"type": "bogus", "rate": 0.5})
    added = set(after) - set(clean)
    assert added
    assert wrong_labels(manifest, NAMES) == dict.fromkeys(added, -1)


def test_removed_annotations_are_not_wrong(noisy):
    _, _, manifest = noisy({"type": "missing", "rate": 0.5})
    assert wrong_labels(manifest, NAMES) == {}


def test_what_is_no_manifest_is_refused(tmp_path):
    path = tmp_path / "x.manifest.json"
    path.write_text("{")
    with pytest.raises(InputError, match=r"x\.manifest\.json"):
        wrong_labels(path, NAMES)
