"""Which of a run's annotations carry a wrong label, as its manifest says; for diagnosis alone."""

from collections.abc import Sequence
from pathlib import Path

import orjson


def wrong_labels(manifest: Path | None, classes: Sequence[str]) -> dict[int, int]:
    """Annotation id → true class index, of the annotations whose class the noise changed.

    Args:
        manifest: of the run's noise; None for clean labels, which gives nothing.
        classes: of the run, in order.

    Returns:
        -1 stands for no true class: an annotation that the noise added, or of another class.
    """
    if manifest is None:
        return {}
    content = orjson.loads(manifest.read_bytes())
    names = {entry["id"]: entry["name"] for entry in content["classes"]}
    index = {name: number for number, name in enumerate(classes)}
    changes = content["changes"]
    changed = {
        annotation: index.get(names[old], -1)
        for old, _, annotations in changes["classes"]
        for annotation in annotations
    }
    return changed | dict.fromkeys(changes["added"], -1)
