"""Whether the annotations that geometry noise may redraw have shapes that can be redrawn."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from noisyseg.errors import InputError
from noisyseg.mask_overlap import checked_runs, has_mask
from noisyseg.noise.scene import Scene

_SHOWN = 5
_FARTHEST = 2.0**53  # px, or px²; beyond, not even whole numbers are told apart


def check_masks(_: Mapping[str, Any], scene: Scene) -> None:
    """Refuse segmentations that are neither polygons nor run lengths of their image's size.

    Raises:
        InputError: how many annotations, and what is wrong with the first of them.
    """
    _refuse([fault for entry, size in _chosen(scene) for fault in _mask_faults(entry, size)])


def check_masks_and_boxes(_: Mapping[str, Any], scene: Scene) -> None:
    """As `check_masks`; refuse boxes and areas, too, that no floating-point number keeps apart.

    Raises:
        InputError: how many annotations, and what is wrong with the first of them.
    """
    _refuse(
        [
            fault
            for entry, size in _chosen(scene)
            for fault in (*_mask_faults(entry, size), *_size_faults(entry))
        ]
    )


def _chosen(scene: Scene) -> Iterator[tuple[Mapping[str, Any], tuple[int, int]]]:
    sizes = {image["id"]: (image["height"], image["width"]) for image in scene.document["images"]}
    entries = scene.document["annotations"]
    for place in np.flatnonzero(scene.eligible).tolist():
        yield entries[place], sizes[entries[place]["image_id"]]


def _mask_faults(entry: Mapping[str, Any], size: tuple[int, int]) -> list[str]:
    try:
        if has_mask(entry):
            checked_runs(entry, *size)
    except InputError as error:
        return [str(error)]
    return []


def _size_faults(entry: Mapping[str, Any]) -> list[str]:
    # An area grows with its box only where there is no mask to measure.
    values = {"bbox": entry["bbox"], "area": [] if has_mask(entry) else [entry.get("area")]}
    return [
        f"annotation {entry['id']}: wanted {key} within 2^53, got {entry[key]}: export it again."
        for key, numbers in values.items()
        if any(isinstance(n, int | float) and abs(n) > _FARTHEST for n in numbers)
    ]


def _refuse(faults: list[str]) -> None:
    if not faults:
        return
    more = f"\n  and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    raise InputError(
        "these annotations could not be redrawn; mend them, or leave them out.\n  "
        + "\n  ".join(faults[:_SHOWN])
        + more
    )
