from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest

from noisyseg.bench.datasets.shape_geometry import (
    CLASSES,
    COSINES,
    DIRECTIONS,
    ELLIPSES,
    PIXEL,
    POLYGONS,
    SINES,
    shape_mask,
)
from noisyseg.bench.datasets.shape_scene import MAX_RADIUS

UNIT = 4096
LARGEST = 512  # pixels, the side that ShapesSettings allows


def _exact_cosines():
    """cos(2πk/32) to 50 digits, by halving angles: 2cos(a/2) = √(2 + 2cos a)."""
    with localcontext() as context:
        context.prec = 50
        quarter = {0: Decimal(1), 8: Decimal(0)}
        for step in (4, 2, 1):
            for k in range(step, 8, 2 * step):
                quarter[k] = (
                    (1 + (quarter[2 * k] if 2 * k <= 8 else -quarter[16 - 2 * k])) / 2
                ).sqrt()
        return [
            quarter[k] if k <= 8 else -quarter[16 - k] if k <= 16 else _mirror(quarter, k)
            for k in range(32)
        ]


def _mirror(quarter, k):
    return -quarter[k - 16] if k <= 24 else quarter[32 - k]


def test_the_table_is_exact_and_far_from_ties():
    """So no platform's cosine, whatever its last bit, can round to another entry."""
    exact = _exact_cosines()
    assert exact[4] * exact[4] * 2 == pytest.approx(Decimal(1), abs=Decimal("1e-45"))
    for k in range(DIRECTIONS):
        for entry, value in ((COSINES[k], exact[k]), (SINES[k], exact[(k - 8) % 32])):
            scaled = value * UNIT
            assert entry == scaled.to_integral_value()
            to_tie = abs(abs(scaled - entry) - Decimal("0.5"))
            assert to_tie > Decimal("1e-3")


def _polygon_in_image(name, centre, radius, direction):
    """The outline's corners in 1/8 pixel: the table's matrix inverted exactly."""
    c, s = COSINES[direction], SINES[direction]
    determinant = c * c + s * s
    corners = []
    for x, y in POLYGONS[name]:
        u, v = (Fraction(radius * UNIT * w, 64) for w in (x, y))
        corners.append(
            ((c * u - s * v) / determinant + centre[0], (s * u + c * v) / determinant + centre[1])
        )
    return corners


def _winding(corners, x, y):
    """How often the outline turns around a point; None on the outline itself."""
    turns = 0
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        side = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
        if side == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return None
        if y1 <= y < y2 and side > 0:
            turns += 1
        if y2 <= y < y1 and side < 0:
            turns -= 1
    return turns


@pytest.mark.parametrize("name", POLYGONS)
@pytest.mark.parametrize(
    ("centre", "radius", "direction"),
    [
        ((92, 92), 80, 0),
        ((90, 101), 77, 3),
        ((10, 150), 95, 13),
        ((96, 80), 41, 24),
        ((0, 0), 160, 31),
    ],
)
def test_polygons_are_those_of_exact_fractions(name, centre, radius, direction):
    size = 24
    mask = shape_mask(name, centre=centre, radius=radius, direction=direction, size=size)
    corners = _polygon_in_image(name, centre, radius, direction)
    assert mask.any()
    for row in range(size):
        for column in range(size):
            turns = _winding(corners, column * PIXEL + PIXEL // 2, row * PIXEL + PIXEL // 2)
            if turns is not None:
                assert mask[row, column] == (turns != 0)


def _ellipse_values(name, centre, radius, direction, size):
    """(u/a)² + (v/b)² for every pixel centre, in exact fractions; 1 on the outline."""
    c, s = COSINES[direction], SINES[direction]
    a, b = (Fraction(radius * UNIT * axis, 64) for axis in ELLIPSES[name])
    samples = [k * PIXEL + PIXEL // 2 for k in range(size)]
    return [
        [
            ((x - centre[0]) * c + (y - centre[1]) * s) ** 2 / a**2
            + ((y - centre[1]) * c - (x - centre[0]) * s) ** 2 / b**2
            for x in samples
        ]
        for y in samples
    ]


@pytest.mark.parametrize("name", ELLIPSES)
@pytest.mark.parametrize(
    ("centre", "radius", "direction"),
    [((92, 92), 80, 0), ((90, 101), 77, 3), ((10, 150), 95, 13), ((0, 0), 160, 31)],
)
def test_ellipses_are_those_of_exact_fractions(name, centre, radius, direction):
    size = 24
    mask = shape_mask(name, centre=centre, radius=radius, direction=direction, size=size)
    values = _ellipse_values(name, centre, radius, direction, size)
    # Coordinates are cut to 1/512 pixel: centres that close to the outline may fall either way.
    smallest_axis = radius / PIXEL * min(ELLIPSES[name]) / 64
    margin = 4 * (1 / 512) / smallest_axis
    assert mask.any()
    for row in range(size):
        for column in range(size):
            if abs(values[row][column] - 1) > margin:
                assert mask[row, column] == (values[row][column] < 1)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("centre", [(0, 0), (LARGEST * PIXEL, 0), (LARGEST * PIXEL // 2 + 3, 1999)])
def test_the_largest_image_overflows_nowhere(name, centre):
    """A wrapped product would fill pixels far away, or leave holes in the middle."""
    radius = MAX_RADIUS * LARGEST // 12
    mask = shape_mask(name, centre=centre, radius=radius, direction=5, size=LARGEST)
    samples = np.arange(LARGEST) * PIXEL + PIXEL // 2
    dx, dy = samples[None, :] - centre[0], samples[:, None] - centre[1]
    distance = np.hypot(dx, dy)
    assert not mask[distance > radius * 1.06].any()
    inradius = {"star": 27, "cross": 20, "ellipse": 40, "disk": 53, "square": 44}.get(name, 19)
    assert mask[distance < radius * inradius / 64 * 0.98].all()


def test_products_fit_in_64_bits_at_the_largest_size():
    corner = LARGEST * PIXEL * UNIT
    furthest = 2 * corner  # |u| ≤ |dx| cos + |dy| sin ≤ 2 · side
    radius = MAX_RADIUS * LARGEST // 12
    a = max(max(axes) for axes in ELLIPSES.values())
    assert 2 * ((furthest >> 6) * a) ** 2 < 2**63
    assert (a * a * radius) ** 2 < 2**63
    longest = radius * UNIT  # of an outline's coordinates; the clutter's bars are longer
    for reach in (longest, LARGEST * 4 * UNIT):
        assert 2 * (2 * reach) * (furthest + reach) < 2**63


def test_areas_are_those_of_the_outlines():
    """Within the error of counting pixels along the outline."""
    size, radius = 256, 100 * PIXEL
    for name in CLASSES:
        counted = [
            shape_mask(name, centre=(1027, 1021), radius=radius, direction=d, size=size).sum()
            for d in range(DIRECTIONS)
        ]
        if name in ELLIPSES:
            a, b = ELLIPSES[name]
            area = np.pi * a * b * (100 / 64) ** 2
        else:
            corners = POLYGONS[name]
            pairs = zip(corners, corners[1:] + corners[:1], strict=True)
            area = abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2 * (100 / 64) ** 2
        assert counted == pytest.approx([area] * DIRECTIONS, rel=0.01)


def test_outlines_stay_in_their_circle_and_pairs_cover_the_classes():
    assert all(x * x + y * y <= 4500 for corners in POLYGONS.values() for x, y in corners)
    assert all(max(axes) <= 64 for axes in ELLIPSES.values())
    assert sorted(CLASSES) == sorted([*POLYGONS, *ELLIPSES])


def test_a_quarter_turn_turns_the_mask():
    for name in CLASSES:
        for direction in (0, 3):
            masks = [
                shape_mask(name, centre=(160, 160), radius=120, direction=direction + turn, size=40)
                for turn in (0, DIRECTIONS // 4)
            ]
            # numpy turns as if rows counted upwards.
            turned = np.rot90(masks[0], -1)
            assert (turned ^ masks[1]).sum() <= 2, name
