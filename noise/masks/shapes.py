"""Whether the annotations that geometry noise may redraw have shapes that can be redrawn."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from noisyseg.annotation_files.columns import columns_of
from noisyseg.annotation_files.findings import Finding, Level, annotation_name, refuse_errors
from noisyseg.annotation_files.shapes import shape_findings
from noisyseg.mask_overlap import has_mask
from noisyseg.noise.scene import Scene

_FARTHEST = 2.0**53  # px, or px²; beyond, not even whole numbers are told apart
_REFUSED = "these cannot be redrawn"
_TOO_FAR = "a box or an area is beyond 2^53"


def check_masks(_: Mapping[str, Any], scene: Scene) -> None:
    """Refuse shapes that no file of annotations may have; one without a mask will do.

    Raises:
        InputError: how many annotations, and what is wrong with the first of them.
    """
    refuse_errors(list(shape_findings(columns_of(_chosen(scene)), masks=False)), _REFUSED)


def check_masks_and_boxes(_: Mapping[str, Any], scene: Scene) -> None:
    """As `check_masks`; refuse boxes and areas, too, that no floating-point number keeps apart.

    Raises:
        InputError: how many annotations, and what is wrong with the first of them.
    """
    chosen = _chosen(scene)
    images = {image["id"]: image for image in chosen["images"]}
    findings = list(shape_findings(columns_of(chosen), masks=False))
    for entry in chosen["annotations"]:
        for detail in _size_faults(entry):
            where = f"{annotation_name(entry, images[entry['image_id']])}: {detail}"
            findings.append(Finding(level=Level.ERROR, kind=_TOO_FAR, where=where))
    refuse_errors(findings, _REFUSED)


def _chosen(scene: Scene) -> dict[str, Any]:
    entries = scene.document["annotations"]
    places = np.flatnonzero(scene.eligible).tolist()
    return {**scene.document, "annotations": [entries[place] for place in places]}


def _size_faults(entry: Mapping[str, Any]) -> list[str]:
    # An area grows with its box only where there is no mask to measure.
    values = {"bbox": entry["bbox"], "area": [] if has_mask(entry) else [entry.get("area")]}
    return [
        f"{key} {entry[key]}"
        for key, numbers in values.items()
        if any(isinstance(n, int | float) and abs(n) > _FARTHEST for n in numbers)
    ]
