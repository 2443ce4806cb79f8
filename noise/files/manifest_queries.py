"""What a manifest says of labels: whose is wrong, between which classes they changed, how often."""

from collections.abc import Sequence

from noisyseg.noise.manifest import Manifest


def class_names(manifest: Manifest) -> list[str]:
    """Names of the classes, in the order of the counts' rows and columns."""
    return [entry["name"] for entry in manifest["classes"]]


def realised_matrix(manifest: Manifest, classes: Sequence[str]) -> list[list[float] | None]:
    """P(noisy label | clean label) as counted in the noisy file, whatever the noise's steps were.

    Args:
        manifest: as `read_manifest` gives it.
        classes: some of its classes, in the order wanted; what became another one counts no more.

    Returns:
        K rows of K numbers that sum to 1; None for a class without annotations.
    """
    names = class_names(manifest)
    places = [names.index(name) for name in classes]
    rows = [[manifest["counts"][row][column] for column in places] for row in places]
    return [[count / sum(row) for count in row] if sum(row) else None for row in rows]


def true_classes(manifest: Manifest) -> dict[int, str | None]:
    """Annotation id → its class before the noise, of the annotations whose label is wrong.

    None stands for an annotation that the noise added: it is of nothing.
    """
    names = {entry["id"]: entry["name"] for entry in manifest["classes"]}
    changed = {
        annotation: names[old]
        for old, _, annotations in manifest["changes"]["classes"]
        for annotation in annotations
    }
    return changed | dict.fromkeys(manifest["changes"]["added"])


def touched_classes(manifest: Manifest) -> set[str]:
    """Classes that labels were changed from or to: the noise's sources and targets."""
    names = class_names(manifest)
    return {
        name
        for row, counts in zip(names, manifest["counts"], strict=True)
        for column, count in zip(names, counts, strict=True)
        if count and row != column
        for name in (row, column)
    }
