"""The eight silhouettes of the built-in data set, rasterised in integers alone.

Floating-point drawing may differ between machines by a pixel; sums and products of integers do
not, so the masks, and with them the annotation file's SHA-256, are the same everywhere.
Coordinates are in 1/8 pixel; a pixel's sample point is its centre.
"""

import math

import numpy as np
from numpy.typing import NDArray

PIXEL = 8
DIRECTIONS = 32
_UNIT = 4096
# Rounded to 1/4096: every entry is at least 1e-3 away from a rounding tie (a test holds it), so
# the last bit of a platform's sine cannot change the table.
COSINES = [round(_UNIT * math.cos(2 * math.pi * k / DIRECTIONS)) for k in range(DIRECTIONS)]
SINES = [round(_UNIT * math.sin(2 * math.pi * k / DIRECTIONS)) for k in range(DIRECTIONS)]

Mask = NDArray[np.bool_]

# Outlines in 1/64 of the shape's radius, y down. None: an ellipse of the given semi-axes.
POLYGONS: dict[str, list[tuple[int, int]]] = {
    "square": [(-45, -45), (45, -45), (45, 45), (-45, 45)],
    "rectangle": [(-56, -32), (56, -32), (56, 32), (-56, 32)],
    "triangle": [(0, -64), (55, 32), (-55, 32)],
    "trapezoid": [(-20, -32), (20, -32), (55, 32), (-55, 32)],
    "star": [
        *[(0, -64), (16, -22), (61, -20), (26, 8), (38, 52)],
        *[(0, 27), (-38, 52), (-26, 8), (-61, -20), (-16, -22)],
    ],
    "cross": [
        *[(-20, -64), (20, -64), (20, -20), (64, -20), (64, 20), (20, 20)],
        *[(20, 64), (-20, 64), (-20, 20), (-64, 20), (-64, -20), (-20, -20)],
    ],
}
ELLIPSES: dict[str, tuple[int, int]] = {"disk": (54, 54), "ellipse": (62, 41)}

# Each class beside the one it is easily taken for.
PAIRS = [
    ("disk", "ellipse"),
    ("square", "rectangle"),
    ("triangle", "trapezoid"),
    ("star", "cross"),
]
CLASSES = [name for pair in PAIRS for name in pair]


def shape_mask(
    name: str, *, centre: tuple[int, int], radius: int, direction: int, size: int
) -> Mask:
    """The pixels of a size × size image whose centres lie inside the shape.

    Args:
        name: one of `CLASSES`.
        centre: x and y in 1/8 pixel.
        radius: of the circle around the shape, in 1/8 pixel (a cross stands out by 5 per cent).
        direction: rotation, in turns / `DIRECTIONS`.
        size: image side in pixels.
    Returns:
        Boolean mask, shape (size, size).
    """
    u, v = _local_coordinates(centre, direction, size)
    if name in ELLIPSES:
        # (u/ar)² + (v/br)² ≤ 1, times (abr)²: the radius on one side only, or the products would
        # not fit in 64 bits. u, v and r in 1/512 pixel, where 1/64 of the radius is radius itself.
        a, b = ELLIPSES[name]
        u, v = u >> 6, v >> 6
        return np.asarray((u * b) ** 2 + (v * a) ** 2 <= (a * b * radius) ** 2)
    scale = radius * _UNIT // 64
    vertices = [(x * scale, y * scale) for x, y in POLYGONS[name]]
    return _inside(vertices, u, v)


def _local_coordinates(
    centre: tuple[int, int], direction: int, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    samples = np.arange(size, dtype=np.int64) * PIXEL + PIXEL // 2
    dx, dy = samples[None, :] - centre[0], samples[:, None] - centre[1]
    cosine, sine = COSINES[direction], SINES[direction]
    return dx * cosine + dy * sine, dy * cosine - dx * sine


def _inside(vertices: list[tuple[int, int]], u: NDArray[np.int64], v: NDArray[np.int64]) -> Mask:
    """Even-odd rule: a ray from the point crosses the outline an odd number of times."""
    inside = np.zeros(u.shape, bool)
    for (x1, y1), (x2, y2) in zip(vertices, vertices[1:] + vertices[:1], strict=True):
        crosses = (y1 <= v) != (y2 <= v)
        side = (x2 - x1) * (v - y1) - (u - x1) * (y2 - y1)
        inside ^= crosses & ((side > 0) == (y2 > y1))
    return inside
