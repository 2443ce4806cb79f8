"""Polygons of a COCO segmentation as arrays of vertices (x, y), shape (n, 2), in pixels."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

HUNDREDTHS = 2  # decimals of the coordinates that noise writes, as many as COCO's


def points_of(polygons: Sequence[Sequence[float]]) -> list[Points]:
    """Vertices of each polygon, from [x, y, x, y, …]."""
    return [np.array(flat, dtype=np.float64).reshape(-1, 2) for flat in polygons]


def flat_of(polygons: Sequence[Points]) -> list[list[float]]:
    """[x, y, x, y, …] for each polygon: the inverse of `points_of`."""
    return [points.ravel().tolist() for points in polygons]


def polygon_area(points: Points) -> float:
    """Area by the shoelace formula; parts that are run round in opposite senses cancel."""
    x, y = (points - points[0]).T  # the first vertex at 0, so that the last edge adds nothing
    # Summed exactly: no platform's order of additions decides whether a sliver has an area.
    return abs(math.fsum((x[:-1] * y[1:] - y[:-1] * x[1:]).tolist())) / 2


def clip_polygon(points: Points, height: int, width: int) -> Points:
    """The part inside the image (Sutherland and Hodgman, CACM 1974); no vertex where none is.

    A part outside that splits the polygon leaves edges of no area along the image's border.
    """
    if points.min() >= 0 and (points.max(axis=0) <= (width, height)).all():
        return points
    for axis, limit in ((0, width), (1, height)):
        for sign, bound in ((1.0, 0.0), (-1.0, float(limit))):
            points = _clip_side(points, axis, sign, bound)
    return points


def _clip_side(points: Points, axis: int, sign: float, bound: float) -> Points:
    depth = sign * (points[:, axis] - bound)
    if not (depth < 0).any():
        return points
    after, following = np.roll(depth, -1), np.roll(points, -1, axis=0)
    crosses = (depth < 0) != (after < 0)
    share = np.divide(depth, depth - after, out=np.zeros_like(depth), where=crosses)
    cuts = np.round(points + share[:, None] * (following - points), HUNDREDTHS)
    cuts[:, axis] = bound
    both = np.stack([points, cuts], axis=1).reshape(-1, 2)
    kept: Points = both[np.stack([depth >= 0, crosses], axis=1).ravel()]
    return kept
