"""A small COCO document, and the documented hash stated once more in plain integers."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

WORD = 2**64


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


@pytest.fixture
def make_document() -> Callable[..., dict[str, Any]]:
    """`per_class` annotations of each named class, category ids with gaps, ids far from 0 … N-1."""

    def make(names: list[str], per_class: int, crowds: int = 0) -> dict[str, Any]:
        categories = [{"id": 10 * n + 3, "name": name} for n, name in enumerate(names)]
        annotations = [
            {
                "segmentation": [[0.5, 0.5, 9.5, 0.5, 9.5, 9.5]],
                "iscrowd": int(number >= per_class * len(names)),
                "image_id": number % 7,
                "bbox": [0.5, 0.5, 9.0, 9.0],
                "category_id": categories[number % len(names)]["id"],
                "id": 1000 + 17 * number,
                "area": 40.5,
            }
            for number in range(per_class * len(names) + crowds)
        ]
        images = [
            {"id": number, "file_name": f"{number}.jpg", "width": 20, "height": 10}
            for number in range(7)
        ]
        return {
            "info": {"description": "made for a test"},
            "images": images,
            "annotations": annotations,
            "categories": categories,
        }

    return make
