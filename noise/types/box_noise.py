"""Boxes drawn carelessly: moved and resized (OA-MIL: Liu et al., ECCV 2022)."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError
from noisyseg.noise.draws import Purpose, StepDraws
from noisyseg.noise.families.family import Parameters
from noisyseg.noise.families.geometry_noise import GeometryNoise
from noisyseg.noise.masks.instance import Box, Instance
from noisyseg.noise.masks.polygons import HUNDREDTHS, points_of
from noisyseg.noise.masks.raster import Crop, cut_out
from noisyseg.noise.types.mask_noise import CROWDS, ONLY, RATE
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.parameters import Parameter, Place, number

_LEAST_SIDE = 1.0  # px; trainers drop boxes below it


class _Line(NamedTuple):
    """The map of one coordinate, x -> start + (x - origin) · factor, that moves a box's side."""

    origin: float
    start: float
    factor: float


def box_jitter(instance: Instance, parameters: Parameters, draws: StepDraws) -> Instance | None:
    """Centre ± U(-r, r) · (w, h), size × (1 + U(-r, r)), cut at the image.

    The mask is moved and resized with its box. The new box is the new mask's; it is the drawn one
    where the mask stays as it is (`only: bbox`) or there is none. None if the drawn box would be
    less than a pixel wide or high inside the image, or the mask without a pixel.
    """
    left, top, across, down = instance.box
    # Not the mask alone: a trainer drops an annotation for its box.
    wide, high = (
        (1 + parameters["r"] * (2 * draw - 1)) * side
        for draw, side in zip(_pair(draws, Purpose.SIZE, instance), (across, down), strict=True)
    )
    x, y = (
        start + side / 2 + parameters["r"] * (2 * draw - 1) * side - new / 2
        for draw, start, side, new in zip(
            _pair(draws, Purpose.SHIFT, instance),
            (left, top),
            (across, down),
            (wide, high),
            strict=True,
        )
    )
    box = _inside((x, y, wide, high), instance)
    if min(box[2:]) < _LEAST_SIDE:
        return None
    if instance.mask is None or parameters["only"] == "bbox":
        return replace(instance, box=box)
    return _moved(instance, _Line(left, x, wide / across), _Line(top, y, high / down))


def _pair(draws: StepDraws, purpose: Purpose, instance: Instance) -> list[float]:
    numbers: list[float] = draws.sequences(purpose, [instance.number], 2)[0].tolist()
    return numbers


def _inside(box: Box, instance: Instance) -> Box:
    x, y, wide, high = box
    left, right = (round(min(max(e, 0.0), instance.width), HUNDREDTHS) for e in (x, x + wide))
    top, bottom = (round(min(max(e, 0.0), instance.height), HUNDREDTHS) for e in (y, y + high))
    return left, top, round(right - left, HUNDREDTHS), round(bottom - top, HUNDREDTHS)


def _moved(instance: Instance, x: _Line, y: _Line) -> Instance | None:
    if isinstance(instance.segmentation, list):
        origin, start = np.array([x.origin, y.origin]), np.array([x.start, y.start])
        factor = np.array([x.factor, y.factor])
        polygons = points_of(instance.segmentation)
        return instance.with_polygons(
            [np.round(start + (points - origin) * factor, HUNDREDTHS) for points in polygons]
        )
    assert instance.mask is not None
    old = cut_out(instance.mask, 0)
    left, columns = _sources(x, old.left, old.raster.shape[1], instance.width)
    top, rows = _sources(y, old.top, old.raster.shape[0], instance.height)
    return instance.with_raster(Crop(old.raster[np.ix_(rows, columns)], top, left))


def _sources(line: _Line, first: int, count: int, limit: int) -> tuple[int, NDArray[np.int64]]:
    """The first new pixel, and for it and those after it the old pixel under its centre."""
    ends = [line.start + (edge - line.origin) * line.factor for edge in (first, first + count)]
    low, high = max(int(np.floor(ends[0])), 0), min(int(np.ceil(ends[1])), limit)
    new = np.arange(low, high)
    old = np.floor(line.origin + (new + 0.5 - line.start) / line.factor).astype(np.int64) - first
    covered = (old >= 0) & (old < count)
    start = int(new[covered][0]) if covered.any() else 0
    return start, old[covered]


def _reach(value: Any, place: Place) -> float:
    reach: float = number(least=0, most=1, unit="share of the box's sides")(value, place)
    if reach == 0:
        raise InputError(f"{place.where}: wanted a number above 0, got {value!r}: nothing moves.")
    return reach


BOX_TYPES = (
    NoiseType(
        name="box-jitter",
        version=1,
        family=GeometryNoise(change=box_jitter, needs_mask=False),
        summary="boxes moved and resized, masks with them",
        source="OA-MIL, Liu et al., ECCV 2022",
        differs="Boxes are drawn by OA-MIL's law, but it moves boxes alone (here: only: bbox) and "
        "cuts them a pixel before the image's right and lower edge; here masks move with their "
        "boxes, and what would be less than a pixel wide or high stays as it was.",
        parameters={
            "rate": Parameter(parse=RATE.parse, default=1.0, summary=RATE.summary),
            "r": Parameter(
                parse=_reach, summary="greatest move and change of size, as a share of the sides"
            ),
            "only": ONLY,
            "crowds": CROWDS,
        },
        trial=lambda _: {"r": 0.3},
    ),
)
