"""Which of a run's annotations carry a wrong label, as its manifest says; for diagnosis alone."""

from collections.abc import Sequence
from pathlib import Path

from noisyseg.noise.files.manifest_file import read_manifest
from noisyseg.noise.files.manifest_queries import true_classes


def wrong_labels(manifest: Path | None, classes: Sequence[str]) -> dict[int, int]:
    """Annotation id → true class index, of the annotations whose label the noise made wrong.

    Args:
        manifest: of the run's noise; None for clean labels, of which none is wrong.
        classes: of the run, in order.

    Returns:
        -1 stands for no true class: an annotation that the noise added, or one whose true class is
        not among `classes`.

    Raises:
        InputError: the manifest cannot be read.
    """
    if manifest is None:
        return {}
    index = {name: number for number, name in enumerate(classes)}
    return {
        annotation: -1 if name is None else index.get(name, -1)
        for annotation, name in true_classes(read_manifest(manifest)).items()
    }
