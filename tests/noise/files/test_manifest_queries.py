import pytest

from noisyseg.noise.files.manifest_queries import (
    class_names,
    realised_matrix,
    touched_classes,
    true_classes,
)

NAMES = ["fox", "cat", "dog"]


def manifest(counts, **changes):
    classes = [{"id": 9 - place, "name": name} for place, name in enumerate(NAMES)]
    return {"classes": classes, "counts": counts, "changes": {"classes": [], "added": []} | changes}


def test_rows_are_shares_of_the_counts():
    """Of 8 foxes 2 became cats and 1 a dog; no cat was there; of 5 dogs 5 became cats."""
    content = manifest([[5, 2, 1], [0, 0, 0], [0, 5, 0]])
    assert class_names(content) == NAMES
    assert realised_matrix(content, NAMES) == [[0.625, 0.25, 0.125], None, [0.0, 1.0, 0.0]]
    # Without cats, as a run of fewer classes has it: what became a cat counts no more.
    assert realised_matrix(content, ["dog", "fox"]) == [None, [1 / 6, 5 / 6]]


@pytest.mark.parametrize(
    ("counts", "names"),
    [
        ([[3, 2, 0], [0, 5, 0], [0, 0, 4]], {"fox", "cat"}),
        ([[3, 0, 0], [0, 5, 0], [1, 0, 0]], {"fox", "dog"}),
        ([[3, 0, 0], [0, 5, 0], [0, 0, 4]], set()),
    ],
)
def test_touched_are_sources_and_targets(counts, names):
    assert touched_classes(manifest(counts)) == names


def test_wrong_labels_come_with_their_true_class_and_added_ones_with_none():
    content = manifest([], classes=[[9, 8, [4, 7]], [7, 9, [1]]], added=[20])
    assert true_classes(content) == {4: "fox", 7: "fox", 1: "dog", 20: None}
