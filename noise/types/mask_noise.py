"""Masks drawn too large or too small, shakily, or with too few vertices (COCO-N).

Source: Grad, Kimhi et al., COCO-N, arXiv 2406.10891. The types, strengths and rates are theirs, the
noise is not quite: their script (github.com/eden500/Noisy-Labels-Instance-Segmentation) draws at
most one of the three an instance, works on the outer outline of the rasterised mask, simplifies it
with its topology kept (shapely), writes what is left of a mask even if that is nothing, redraws
crowds, too, and leaves boxes and areas as they were. Here each type is a step of its own, a polygon
keeps its own vertices, as an annotator clicked them, and an instance that would vanish stays as it
was. `benchmarks/preset_overlaps.py` measures what that comes to; `differs` of each type says it.

A mask of polygons stays polygons, one of run lengths stays run lengths, but for `scale`, which
writes run lengths. Vertices of run lengths are those of their contours, holes' included, as OpenCV
traces them. Polygons, or connected parts, of an instance are treated one by one and then united:
what grows together stays together. COCO's polygons have no holes, so only run lengths keep theirs.
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError
from noisyseg.noise.draws import Purpose, StepDraws
from noisyseg.noise.families.family import Parameters
from noisyseg.noise.families.geometry_noise import GeometryNoise
from noisyseg.noise.masks.instance import Instance
from noisyseg.noise.masks.polygons import HUNDREDTHS, Points, points_of
from noisyseg.noise.masks.raster import Contour, Crop, cut_out, fill, trace
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.parameters import Parameter, Place, flag, integer, number, one_of, rate

RATE = Parameter(parse=rate, summary="probability that an annotation is redrawn")
ONLY = Parameter(
    parse=one_of("all", "segmentation", "bbox", "area"),
    default="all",
    summary="all: mask, box and area stay consistent; else the one field that changes",
)
CROWDS = Parameter(parse=flag, default=False, summary="whether crowd annotations change, too")

_LEAST_DRAW = 2.0**-54  # for a draw of 0, which has no quantile
_LARGEST = 1000  # px


def scale(instance: Instance, parameters: Parameters, draws: StepDraws) -> Instance | None:
    """Dilate or erode the mask, as often the one as the other, with a square of ones.

    Nothing is known beyond the image's border, so a mask does not shrink away from it.
    """
    import cv2

    assert instance.mask is not None
    size = parameters["kernel"]
    kernel = np.ones((size, size), dtype=np.uint8)
    old = cut_out(instance.mask, size // 2)
    grows = draws.uniform(Purpose.DIRECTION, [instance.number])[0] < 0.5
    new = cv2.dilate(old.raster, kernel) if grows else cv2.erode(old.raster, kernel)
    if np.array_equal(new, old.raster):
        return instance
    return instance.with_raster(Crop(new.astype(np.uint8), old.top, old.left))


def boundary(instance: Instance, parameters: Parameters, draws: StepDraws) -> Instance | None:
    """Move each vertex by N(0, sigma²), rounded to whole pixels, in x and in y."""
    parts = _parts(instance)
    sizes = [len(contour) for part in parts for contour in part]
    drawn = draws.sequences(Purpose.VERTEX, [instance.number], 2 * sum(sizes))[0]
    shifts = _whole_normal(drawn, parameters["sigma"]).reshape(-1, 2)
    if not shifts.any():
        return instance
    each = iter(np.split(shifts, np.cumsum(sizes)[:-1]))
    return _redrawn(instance, [[_moved(contour, next(each)) for contour in p] for p in parts])


def approximation(instance: Instance, parameters: Parameters, _: StepDraws) -> Instance | None:
    """Leave vertices out, none farther than the tolerance from the new outline (Douglas–Peucker).

    A part, or a hole, that is left with fewer than three vertices is left out.
    """
    parts = _parts(instance)
    tolerance = parameters["tolerance"]
    simpler = [[_simplified(contour, tolerance) for contour in part] for part in parts]
    pairs = [
        (old, new)
        for one, other in zip(parts, simpler, strict=True)
        for old, new in zip(one, other, strict=True)
    ]
    if all(old is new for old, new in pairs):
        return instance
    gone = {id(new) for old, new in pairs if new is not old and len(new) < 3}
    left = [
        [contour for contour in part if id(contour) not in gone]
        for part in simpler
        if id(part[0]) not in gone  # a part without its outer contour has no holes either
    ]
    return _redrawn(instance, left) if left else None


def _parts(instance: Instance) -> list[list[NDArray[Any]]]:
    """The outlines: a polygon each, or the contours of a connected part each."""
    if isinstance(instance.segmentation, list):
        return [[points] for points in points_of(instance.segmentation)]
    assert instance.mask is not None
    return [list(part) for part in trace(cut_out(instance.mask, 1))]


def _redrawn(instance: Instance, parts: list[list[NDArray[Any]]]) -> Instance | None:
    if isinstance(instance.segmentation, list):
        return instance.with_polygons([points for (points,) in parts])
    return instance.with_raster(fill(parts, instance.height, instance.width))


def _whole_normal(draws: NDArray[np.float64], sigma: float) -> NDArray[np.int64]:
    """N(0, sigma²) at the draws, rounded: libm's last bit practically never decides."""
    quantile = NormalDist().inv_cdf
    normal = np.array([quantile(max(draw, _LEAST_DRAW)) for draw in draws.tolist()])
    return np.rint(sigma * normal).astype(np.int64)


def _moved(contour: NDArray[Any], shift: NDArray[np.int64]) -> NDArray[Any]:
    if contour.dtype != np.float64:
        return (contour + shift).astype(contour.dtype)
    return np.where(shift == 0, contour, np.round(contour + shift, HUNDREDTHS))


def _simplified(contour: NDArray[Any], tolerance: float) -> NDArray[Any]:
    """The contour with vertices left out; the same object if none was."""
    import cv2

    # OpenCV would round polygons to single precision; hundredths of a pixel are whole numbers.
    factor = 100 if contour.dtype == np.float64 else 1
    whole: Contour = np.rint(contour * factor).astype(np.int32)
    kept = cv2.approxPolyDP(whole.reshape(-1, 1, 2), tolerance * factor, True).reshape(-1, 2)
    if len(kept) == len(contour):
        return contour
    original = dict(zip(map(tuple, whole.tolist()), contour, strict=True))
    points: Points = np.array([original[tuple(point)] for point in kept.tolist()])
    return points.astype(contour.dtype)


def _kernel(value: Any, place: Place) -> int:
    size: int = integer(least=3, most=_LARGEST - 1, unit="px")(value, place)
    if size % 2 == 0:
        raise InputError(f"{place.where}: wanted an odd number of pixels, got {size}.")
    return size


_COCO_N = "COCO-N, arXiv 2406.10891"
_EACH_STEP = (
    "COCO-N draws at most one of scale, boundary and approximation an instance (20, 25 or 30 % "
    "each), crowds too, and changes the mask alone (here: only: segmentation). "
)


def _mask_type(
    name: str,
    family: GeometryNoise,
    *,
    summary: str,
    differs: str,
    strength: tuple[str, Parameter],
    presets: Sequence[float],
) -> NoiseType:
    """A type of COCO-N's; presets are its strengths at the rates 0.2, 0.25 and 0.3."""
    levels = zip(("easy", "mid", "hard"), (0.2, 0.25, 0.3), presets, strict=True)
    return NoiseType(
        name=name,
        version=1,
        family=family,
        summary=summary,
        source=_COCO_N,
        differs=_EACH_STEP + differs,
        parameters={"rate": RATE, strength[0]: strength[1], "only": ONLY, "crowds": CROWDS},
        presets={level: {"rate": rate, strength[0]: value} for level, rate, value in levels},
    )


_PIXELS = number(least=0, most=_LARGEST, unit="px")

MASK_TYPES = (
    _mask_type(
        "scale",
        GeometryNoise(change=scale),
        summary="masks dilated or eroded",
        differs="It writes an empty mask where erosion leaves nothing; here the instance stays as "
        "it was: mean IoU of redrawn masks 0.797, 0.683, 0.622 (easy, mid, hard), COCO-N's 0.795, "
        "0.656, 0.559.",
        strength=(
            "kernel",
            Parameter(parse=_kernel, summary="side of the square of ones, odd, px"),
        ),
        presets=(3, 5, 7),
    ),
    _mask_type(
        "boundary",
        GeometryNoise(change=boundary),
        summary="every vertex of a mask's outline moved",
        differs="It moves the vertices of the rasterised mask's outer outline, here polygons keep "
        "their own: mean IoU of redrawn masks 0.789, 0.718, 0.660 (easy, mid, hard), COCO-N's "
        "0.789, 0.714, 0.651.",
        strength=(
            "sigma",
            Parameter(
                parse=_PIXELS, summary="standard deviation of a vertex's move in x and in y, px"
            ),
        ),
        presets=(2.0, 3.0, 4.0),
    ),
    _mask_type(
        "approximation",
        GeometryNoise(change=approximation),
        summary="masks' outlines with fewer vertices",
        differs="It keeps topology, so that a small outline becomes a triangle where here it would "
        "vanish and so stays as it was: mean IoU of redrawn masks 0.854, 0.829, 0.857 (easy, mid, "
        "hard: no order), COCO-N's 0.849, 0.749, 0.682. These presets are not COCO-N's noise.",
        strength=(
            "tolerance",
            Parameter(parse=_PIXELS, summary="how far the outline may move, px"),
        ),
        presets=(5.0, 10.0, 15.0),
    ),
)
