"""The transition matrix that a run's noise came to, for methods that ask for it."""

from collections.abc import Sequence
from pathlib import Path

import orjson

from noisyseg.errors import InputError


def realised_matrix(manifest: Path | None, classes: Sequence[str]) -> list[list[float]]:
    """P(noisy label | clean label) as counted in the noisy file, whatever the noise's steps were.

    Args:
        manifest: of the run's noise; None for clean labels, which gives the identity.
        classes: of the run, in order.

    Returns:
        K rows of K numbers that sum to 1; a class without annotations keeps its label.
    Raises:
        InputError: the manifest is of other classes.
    """
    size = len(classes)
    identity = [[float(i == j) for j in range(size)] for i in range(size)]
    if manifest is None:
        return identity
    content = orjson.loads(manifest.read_bytes())
    names = [entry["name"] for entry in content["classes"]]
    if not set(classes) <= set(names):
        raise InputError(f"{manifest}: its classes are {names}, the run's are {list(classes)}.")
    places = [names.index(name) for name in classes]
    counts = [[content["counts"][i][j] for j in places] for i in places]
    return [
        [count / sum(row) for count in row] if sum(row) else identity[number]
        for number, row in enumerate(counts)
    ]
