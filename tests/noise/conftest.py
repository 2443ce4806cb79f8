"""Small COCO documents and tables, and the documented hash stated once more in plain integers."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from noisyseg.noise.categories import Categories
from noisyseg.noise.table import AnnotationTable

WORD = 2**64
# COCO's 80 category ids lie in 12 super-categories, each a range of ids with gaps.
COCO_GAPS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
# fmt: off
COCO_SUPERCATEGORIES = {
    "person": (1, 1), "vehicle": (2, 9), "outdoor": (10, 15), "animal": (16, 25),
    "accessory": (27, 33), "sports": (34, 43), "kitchen": (44, 51), "food": (52, 61),
    "furniture": (62, 70), "electronic": (72, 77), "appliance": (78, 82), "indoor": (84, 90),
}
# fmt: on


def splitmix64_outputs(seed: int, count: int) -> list[int]:
    """The generator as published: a state that grows by a constant, each state scrambled."""
    state, outputs = seed % WORD, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) % WORD
        scrambled = ((state ^ (state // 2**30)) * 0xBF58476D1CE4E5B9) % WORD
        scrambled = ((scrambled ^ (scrambled // 2**27)) * 0x94D049BB133111EB) % WORD
        outputs.append(scrambled ^ (scrambled // 2**31))
    return outputs


@pytest.fixture
def splitmix64() -> Callable[[int, int], list[int]]:
    return splitmix64_outputs


@pytest.fixture
def plain_bits() -> Callable[[int, str, int], int]:
    """Bits of a draw by seed, stream such as "symmetric/0/flip", and annotation id."""

    def bits(seed: int, stream: str, annotation_id: int) -> int:
        def first(word: int) -> int:
            return splitmix64_outputs(word, 1)[0]

        number = int(hashlib.sha256(stream.encode()).hexdigest()[:16], 16)
        keyed = first(first(seed) ^ number)
        return first(keyed ^ (annotation_id % WORD))

    return bits


@pytest.fixture(scope="session")
def coco_categories() -> list[dict[str, Any]]:
    """COCO's categories; all but person named after their ids."""
    return [
        {"id": n, "name": "person" if n == 1 else f"c{n}", "supercategory": superclass}
        for superclass, (low, high) in COCO_SUPERCATEGORIES.items()
        for n in range(low, high + 1)
        if n not in COCO_GAPS
    ]


@pytest.fixture(scope="session")
def make_table() -> Callable[..., AnnotationTable]:
    """A table of N annotations of random classes, ids far from 0 … N-1, every 50th a crowd."""

    def make(categories: Sequence[dict[str, Any]], size: int) -> AnnotationTable:
        random = np.random.default_rng(0)
        return AnnotationTable(
            categories=Categories.of({"categories": categories}),
            numbers=3 * np.arange(size) + 1_000_000_007,
            classes=random.integers(len(categories), size=size),
            crowds=np.arange(size) % 50 == 49,
        )

    return make


@pytest.fixture(scope="session")
def chi_square_limit() -> Callable[[int], float]:
    """Upper 0.1 % point by degrees of freedom (Wilson and Hilferty's cube; 0.2 % off above 10)."""

    def limit(freedom: int) -> float:
        part = 2 / (9 * freedom)
        return float(freedom * (1 - part + 3.0902323 * part**0.5) ** 3)

    return limit
