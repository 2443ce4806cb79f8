"""Whether the boxes, areas and masks that noise writes are of one object inside its image."""

from typing import Any

from pycocotools import mask as coco_mask

from noisyseg.contract import require
from noisyseg.mask_overlap import has_mask, run_lengths
from noisyseg.noise.contract.trial import Trial, by_id, differing

_EDGE = 1.0  # px that a box may be beside its mask's, which is of whole pixels


def shapes(trial: Trial) -> None:
    """Of what was redrawn or added: mask, box and area belong together."""
    noisy, sizes = by_id(trial.noisy()[0]), {}
    for image in trial.document["images"]:
        sizes[image["id"]] = image["height"], image["width"]
    for number in sorted(differing(trial.clean, noisy)):
        entry = noisy[number]
        problem = _problem(entry, *sizes[entry["image_id"]])
        require(problem is None, f"annotation {number}: {problem}")


def _problem(entry: dict[str, Any], height: int, width: int) -> str | None:
    left, top, across, down = entry["bbox"]
    if across <= 0 or down <= 0 or min(left, top) < 0:
        return f"the box {entry['bbox']} is none in the image"
    if left + across > width + 1e-6 or top + down > height + 1e-6:
        return f"the box {entry['bbox']} reaches out of its image of {width} × {height} pixels"
    if not has_mask(entry):
        return None
    mask = run_lengths(entry, height, width)
    own = coco_mask.toBbox(mask).tolist()
    edges, wanted = ((b[0], b[1], b[0] + b[2], b[1] + b[3]) for b in (entry["bbox"], own))
    if any(abs(edge - other) > _EDGE for edge, other in zip(edges, wanted, strict=True)):
        return f"the box is {entry['bbox']}, that of its mask {own}"
    pixels = float(coco_mask.area(mask))
    if "area" in entry and abs(entry["area"] - pixels) > across + down:
        return f"the area is {entry['area']}, its mask has {pixels:.0f} pixels"
    return None
