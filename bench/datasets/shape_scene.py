"""One image of the built-in data set: textured ground, clutter, and overlapping shapes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noisyseg.bench.datasets.shape_geometry import CLASSES, DIRECTIONS, PIXEL, Mask, shape_mask

MIN_RADIUS, MAX_RADIUS = 11, 22  # pixels, at 96 × 96; scaled with the image
CLUTTER_RADIUS = (3, 6)  # below any instance's: too small to be one
MIN_VISIBLE = (
    55  # per cent of a shape inside the image; one in front takes 22 at most of what is seen
)

# A class has a colour that hints at it: pairs are far apart, the two of a pair overlap once
# jittered, and clutter wears the same colours, so that neither class nor foreground is given away.
COLOURS = {
    "disk": (205, 75, 65),
    "ellipse": (205, 115, 65),
    "square": (65, 170, 75),
    "rectangle": (65, 170, 120),
    "triangle": (75, 85, 205),
    "trapezoid": (115, 85, 205),
    "star": (205, 195, 75),
    "cross": (165, 195, 75),
}
COLOUR_JITTER = 40

Image = NDArray[np.uint8]
Random = np.random.RandomState  # its streams are frozen by numpy; Generator's may change


@dataclass(kw_only=True, slots=True)
class Instance:
    """A shape as it is seen: the mask holds only its uncovered pixels."""

    class_name: str
    mask: Mask


def draw_scene(random: Random, size: int, class_queue: list[str]) -> tuple[Image, list[Instance]]:
    """An image, shape (size, size, 3), and its instances, from back to front.

    Takes the instances' classes from the end of class_queue, so that the caller balances them.
    """
    image = _ground(random, size)
    for _ in range(_integer(random, 4, 9)):
        _draw_clutter(random, image)
    instances: list[Instance] = []
    for _ in range(_integer(random, 3, 5)):
        mask = _place(random, size, class_queue[-1], instances)
        if mask is None:
            continue
        for behind in instances:
            behind.mask &= ~mask
        instances.append(Instance(class_name=class_queue.pop(), mask=mask))
        _paint(random, image, mask, instances[-1].class_name)
    grain = random.randint(-10, 11, size=(size, size, 3), dtype=np.int64)
    return np.clip(image + grain, 0, 255).astype(np.uint8), instances


def _place(random: Random, size: int, name: str, instances: list[Instance]) -> Mask | None:
    """A mask that leaves every earlier instance visible, or None after several tries."""
    for _ in range(12):
        radius = _integer(random, MIN_RADIUS * size // 12, MAX_RADIUS * size // 12)
        centre = _integer(random, 0, size * PIXEL), _integer(random, 0, size * PIXEL)
        direction = _integer(random, 0, DIRECTIONS - 1)
        mask = shape_mask(name, centre=centre, radius=radius, direction=direction, size=size)
        whole = _whole_area(name, radius, direction, size)
        if mask.sum() * 100 < MIN_VISIBLE * whole:
            continue
        if all(_stays_visible(behind.mask, mask) for behind in instances):
            return mask
    return None


def _whole_area(name: str, radius: int, direction: int, size: int) -> int:
    middle = (size * PIXEL // 2, size * PIXEL // 2)
    mask = shape_mask(name, centre=middle, radius=radius, direction=direction, size=size)
    return int(mask.sum())


def _stays_visible(behind: Mask, mask: Mask) -> bool:
    area = int(behind.sum())
    left = int((behind & ~mask).sum())
    return left >= 40 and left * 100 >= (100 - (100 - MIN_VISIBLE) // 2) * area


def _ground(random: Random, size: int) -> NDArray[np.int64]:
    """Two octaves of blocky value noise around a random colour."""
    image = np.empty((size, size, 3), np.int64)
    image[:] = random.randint(60, 180, size=3, dtype=np.int64)
    for cell, depth in ((size // 4, 36), (max(size // 16, 1), 18)):
        cells = -(-size // cell)
        noise = random.randint(-depth, depth + 1, size=(cells, cells, 3), dtype=np.int64)
        image += noise.repeat(cell, 0).repeat(cell, 1)[:size, :size]
    return image


def _draw_clutter(random: Random, image: NDArray[np.int64]) -> None:
    """A hollow outline, a bar or a speck: shape-like, but never an instance."""
    size = image.shape[0]
    name = CLASSES[_integer(random, 0, len(CLASSES) - 1)]
    centre = _integer(random, 0, size * PIXEL), _integer(random, 0, size * PIXEL)
    direction = _integer(random, 0, DIRECTIONS - 1)
    kind = _integer(random, 0, 2)
    if kind == 0:
        radius = _integer(random, MIN_RADIUS * size // 12, MAX_RADIUS * size // 12)
        outer = shape_mask(name, centre=centre, radius=radius, direction=direction, size=size)
        thin = radius - 2 * PIXEL
        inner = shape_mask(name, centre=centre, radius=thin, direction=direction, size=size)
        mask = outer & ~inner
    elif kind == 1:
        long = shape_mask(
            "rectangle", centre=centre, radius=size * 4, direction=direction, size=size
        )
        shift = (centre[0] + 2 * PIXEL, centre[1] + 2 * PIXEL)
        mask = long & ~shape_mask(
            "rectangle", centre=shift, radius=size * 4, direction=direction, size=size
        )
    else:
        low, high = (radius * size // 12 for radius in CLUTTER_RADIUS)
        radius = _integer(random, low, high)
        mask = shape_mask(name, centre=centre, radius=radius, direction=direction, size=size)
    _paint(random, image, mask, name)


def _paint(random: Random, image: NDArray[np.int64], mask: Mask, name: str) -> None:
    """The class's colour, jittered, with a two-tone stripe drawn at random."""
    size = image.shape[0]
    jitter = random.randint(-COLOUR_JITTER, COLOUR_JITTER + 1, size=3, dtype=np.int64)
    colour = np.array(COLOURS[name], dtype=np.int64) + jitter
    depth = _integer(random, 0, 30)
    period = _integer(random, 3, 9)
    ramp = np.arange(size, dtype=np.int64)
    across, down = _integer(random, 0, 2), _integer(random, 0, 2)
    stripes = ((ramp[None, :] * across + ramp[:, None] * down) // period % 2) * depth
    image[mask] = colour + stripes[mask][:, None]


def _integer(random: Random, low: int, high: int) -> int:
    """Uniform on low…high, both included."""
    return int(random.randint(low, high + 1, dtype=np.int64))
