"""Masks, as far as they can be told right or wrong without the images that they are of."""

from noisyseg.bench.leaderboard.checks.check import named
from noisyseg.results.evaluation.predictions import Predictions
from noisyseg.run_length import pixels_described

_LARGEST = 1 << 31
"""Pixels of a mask: pycocotools counts them in 32 bits."""


def odd_masks(predictions: Predictions) -> str | None:
    """What masks cannot be: of another size than their image's others, of other than its pixels."""
    sizes: dict[int, tuple[int, ...]] = {}
    wrong = []
    masks = [one["segmentation"] for one in predictions.detections]
    covered = pixels_described([mask["counts"] for mask in masks]).tolist()
    for number, one in enumerate(predictions.detections):
        size = tuple(masks[number]["size"])
        if sizes.setdefault(one["image_id"], size) != size:
            wrong.append(f"detection {number} is of another size than others of its image")
        elif min(size) < 1 or size[0] * size[1] >= _LARGEST:
            wrong.append(f"detection {number} is of {size[0]} by {size[1]} pixels")
        elif covered[number] != size[0] * size[1]:
            wrong.append(f"detection {number}'s run lengths are not of its size's pixels")
    return named(wrong) or None
