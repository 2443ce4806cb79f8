"""The transition matrix that a run's noise came to, for methods that ask for it."""

from collections.abc import Sequence
from pathlib import Path

from noisyseg.errors import InputError
from noisyseg.noise.files import manifest_queries
from noisyseg.noise.files.manifest_file import read_manifest


def realised_matrix(manifest: Path | None, classes: Sequence[str]) -> list[list[float]]:
    """`manifest_queries.realised_matrix`; a class without annotations keeps its label.

    Args:
        manifest: of the run's noise; None for clean labels, which gives the identity.
        classes: of the run, in order.

    Raises:
        InputError: the manifest cannot be read, or is of other classes.
    """
    size = len(classes)
    identity = [[float(i == j) for j in range(size)] for i in range(size)]
    if manifest is None:
        return identity
    content = read_manifest(manifest)
    names = manifest_queries.class_names(content)
    if not set(classes) <= set(names):
        raise InputError(f"{manifest}: its classes are {names}, the run's are {list(classes)}.")
    rows = manifest_queries.realised_matrix(content, classes)
    return [identity[number] if row is None else row for number, row in enumerate(rows)]
