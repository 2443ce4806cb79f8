import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from noisyseg.noise.masks.polygons import clip_polygon, flat_of, points_of, polygon_area

HEIGHT, WIDTH = 20, 30
vertices = st.lists(
    st.tuples(st.integers(-15, 45), st.integers(-15, 35)), min_size=3, max_size=9
).map(lambda points: np.array(points, dtype=np.float64))


def pixels(points):
    """Where pixel centres lie inside, by counting the edges to their right (even and odd)."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    # Off the hundredths, so that no vertex or edge of whole numbers meets a centre.
    x, y = columns + 0.50317, rows + 0.50713
    inside = np.zeros((HEIGHT, WIDTH), dtype=bool)
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y1 != y2:
            crosses = (y1 <= y) != (y2 <= y)
            inside ^= crosses & (x < x1 + (y - y1) / (y2 - y1) * (x2 - x1))
    return inside


def distance_to_edges(points):
    """From each pixel centre to the nearest edge, in pixels."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    centres = np.stack([columns + 0.50317, rows + 0.50713], axis=-1)
    nearest = np.full((HEIGHT, WIDTH), np.inf)
    for start, end in zip(points, np.roll(points, -1, axis=0), strict=True):
        along = end - start
        length = max(float(along @ along), 1e-12)
        share = np.clip(((centres - start) @ along) / length, 0, 1)
        gap = np.linalg.norm(centres - start - share[..., None] * along, axis=-1)
        nearest = np.minimum(nearest, gap)
    return nearest


@given(points=vertices)
@example(points=np.array([(0.0, 0.0), (0.0, -11.0), (8.0, 13.0)]))
def test_clipping_leaves_what_is_inside_and_nothing_else(points):
    cut = clip_polygon(points, HEIGHT, WIDTH)
    assert (cut >= 0).all()
    assert (cut <= (WIDTH, HEIGHT)).all()
    before = pixels(points)
    after = pixels(cut) if len(cut) else np.zeros_like(before)
    # New vertices stand at hundredths of a pixel: an edge may cross a centre that it just missed.
    assert not ((before != after) & (distance_to_edges(points) > 0.02)).any()


def test_a_polygon_inside_stays_and_one_outside_is_gone():
    square = np.array([[0.0, 0.0], [30.0, 0.0], [30.0, 20.0], [0.0, 20.0]])
    assert clip_polygon(square, HEIGHT, WIDTH) is square
    assert len(clip_polygon(square + np.array([31.0, 0.0]), HEIGHT, WIDTH)) == 0


def test_a_corner_is_cut_off_by_hand():
    triangle = np.array([[-10.0, 5.0], [10.0, 5.0], [10.0, 15.0]])
    cut = clip_polygon(triangle, HEIGHT, WIDTH)
    # The long side meets x = 0 halfway, at y = 10.
    assert sorted(map(tuple, cut.tolist())) == [(0, 5), (0, 10), (10, 5), (10, 15)]
    assert polygon_area(cut) == 75.0


@pytest.mark.parametrize(
    ("points", "area"),
    [
        ([[0, 0], [4, 0], [4, 3]], 6),
        ([[4, 3], [4, 0], [0, 0]], 6),
        ([[1.5, 1.5], [3.5, 1.5], [3.5, 3.5], [1.5, 3.5]], 4),
        ([[0, 0], [1, 1], [2, 2]], 0),
        ([[7, 7]], 0),
    ],
)
def test_area(points, area):
    assert polygon_area(np.array(points, dtype=np.float64) + 100) == area


def test_points_and_flat_lists_are_inverse_and_pycocotools_reads_them():
    flat = [[1.25, 2.0, 9.5, 2.0, 9.5, 8.75], [0, 0, 3, 0, 3, 3, 0, 3]]
    assert flat_of(points_of(flat)) == flat
    assert len(coco_mask.frPyObjects(flat_of(points_of(flat)), HEIGHT, WIDTH)) == 2
