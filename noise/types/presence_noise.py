"""Instances that nobody annotated, and annotations of nothing (after UNA, arXiv 2312.13822).

UNA's script (github.com/Ryoo72/UNA) applies four kinds of noise at one ratio: it leaves annotations
out, moves boxes, draws classes, and adds annotations. Two of them are here, each as a step of its
own; `differs` says in what they are others than UNA's.

Counts are exact: a rate is taken as the decimal number that was written, so that 29 % of 100 are
29, and the floor is of that.
"""

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from noisyseg.errors import InputError
from noisyseg.noise.draws import Purpose, StepDraws
from noisyseg.noise.families.family import Annotation, Parameters
from noisyseg.noise.families.presence_noise import AdditionNoise, RemovalNoise
from noisyseg.noise.scene import Scene
from noisyseg.noise.transition import Mask
from noisyseg.noise.types.exemption import EXEMPT, free_classes
from noisyseg.noise.types.mask_noise import CROWDS
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.parameters import Parameter, Place, rate

_LEAST_SHARE, _MOST_SHARE = 0.05, 0.5
_END_OF_IDS = 2**63


def missing(parameters: Parameters, scene: Scene, draws: StepDraws) -> Mask:
    """Without floor(rate · N) of the N eligible annotations: those of the smallest RANK draws."""
    places = np.flatnonzero(scene.eligible)
    ranks = draws.uniform(Purpose.RANK, scene.table.ids[places])
    order = np.lexsort((scene.table.numbers[places], ranks))
    kept = np.ones_like(scene.eligible)
    kept[places[order[: math.floor(_exact(parameters["rate"]) * len(places))]]] = False
    return kept


def bogus(parameters: Parameters, scene: Scene, draws: StepDraws) -> list[Annotation]:
    """floor(rate · N / (1 - rate)) annotations more: so many that `rate` of all are of nothing.

    The n-th new annotation has draws by n = 0, 1, … in place of an annotation id, the n-th id after
    the largest, an image and a class drawn uniformly (of the images by rising id, of the classes
    that are not exempt in file order), and a box in whole pixels: width and height U(0.05, 0.5) of
    the image's, rounded down but at least 1, the left upper corner uniform over where the box fits.
    Its mask is the box.

    Raises:
        InputError: ids that would leave 63 bits.
    """
    share = _exact(parameters["rate"])
    count = math.floor(share * int(scene.eligible.sum()) / (1 - share))
    if count == 0:
        return []
    if scene.largest_id + count >= _END_OF_IDS:
        raise InputError(
            f"bogus annotations get ids after the largest, which is {scene.largest_id}: renumber "
            "the annotations."
        )
    ordinals = np.arange(count)
    images = sorted(scene.document["images"], key=lambda image: image["id"])
    chosen = draws.choice(Purpose.IMAGE, ordinals, len(images))
    free = np.array(free_classes(parameters, scene.table.categories, least=1))
    drawn = free[draws.choice(Purpose.TARGET, ordinals, len(free))]
    sides = draws.sequences(Purpose.SIZE, ordinals, 2)
    corners = draws.sequences(Purpose.PLACE, ordinals, 2)
    limits = np.array([[images[i]["width"], images[i]["height"]] for i in chosen.tolist()])
    shares = _LEAST_SHARE + (_MOST_SHARE - _LEAST_SHARE) * sides
    sizes = np.maximum(np.floor(shares * limits).astype(np.int64), 1)
    starts = np.floor(corners * (limits - sizes + 1)).astype(np.int64)
    return [
        {
            "id": scene.largest_id + 1 + ordinal,
            "image_id": images[image]["id"],
            "category_id": scene.table.categories.ids[category],
            "iscrowd": 0,
            **_box_fields(x, y, width, height),
        }
        for ordinal, (image, category, (x, y), (width, height)) in enumerate(
            zip(chosen.tolist(), drawn.tolist(), starts.tolist(), sizes.tolist(), strict=True)
        )
    ]


def _exact(share: float) -> Fraction:
    return Fraction(repr(share))


def _box_fields(x: int, y: int, width: int, height: int) -> dict[str, Any]:
    left, top, right, bottom = (float(edge) for edge in (x, y, x + width, y + height))
    return {
        "bbox": [left, top, float(width), float(height)],
        "area": float(width * height),
        "segmentation": [[left, top, right, top, right, bottom, left, bottom]],
    }


def _rate_below_one(value: Any, place: Place) -> float:
    share = rate(value, place)
    if share == 1:
        raise InputError(
            f"{place.where}: bogus annotations cannot be all there are: wanted a rate below 1."
        )
    return share


_UNA = "UNA, arXiv 2312.13822"
_ONE_OF_FOUR = (
    "UNA is four kinds of noise at one ratio, of which missing and bogus alone are here: not its "
    "moved boxes (both corners uniform in a region of twice the box's sides), nor its classes (any "
    "of them, the own one too). "
)

PRESENCE_TYPES = (
    NoiseType(
        name="missing",
        version=1,
        family=RemovalNoise(kept=missing),
        summary="annotations left out",
        source=_UNA,
        differs=_ONE_OF_FOUR + "It leaves out crowds as well (here: crowds: true).",
        parameters={
            "rate": Parameter(parse=rate, summary="share of the annotations that is left out"),
            "crowds": CROWDS,
        },
    ),
    NoiseType(
        name="bogus",
        version=1,
        family=AdditionNoise(added=bogus),
        summary="annotations of nothing added",
        source=_UNA,
        differs=_ONE_OF_FOUR + "It goes through the images in turn, counts crowds, rounds to the "
        "nearest number, and draws both corners of a box uniformly in the image (mean side a "
        "third), without a mask; here images are drawn, the number is rounded down, sides are "
        "5 to 50 % of the image's (mean 27.5 %), and the mask is the box.",
        parameters={
            "rate": Parameter(
                parse=_rate_below_one, summary="share of all annotations that is of nothing"
            ),
            "exempt": replace(EXEMPT, summary="classes that no annotation of nothing gets"),
        },
    ),
)
