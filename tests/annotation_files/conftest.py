"""A document of one image, 20 wide and 10 high, whose annotations a test changes."""

from collections.abc import Callable
from typing import Any

import pytest


def rectangle(number: int, x: float, y: float, width: float, height: float) -> dict[str, Any]:
    right, bottom = x + width, y + height
    return {
        "id": number,
        "image_id": 1,
        "category_id": 3,
        "bbox": [x, y, width, height],
        "area": width * height,
        "segmentation": [[x, y, right, y, right, bottom, x, bottom]],
        "iscrowd": 0,
    }


@pytest.fixture
def made() -> Callable[..., dict[str, Any]]:
    """A sound annotation before and one after the one with the given fields."""

    def make(**fields: Any) -> dict[str, Any]:
        changed = {**rectangle(7, 2, 2, 6, 5), **fields}
        return {
            "images": [{"id": 1, "file_name": "a.png", "width": 20, "height": 10}],
            "annotations": [rectangle(5, 0, 0, 9, 8), changed, rectangle(9, 10, 3, 7, 7)],
            "categories": [{"id": 3, "name": "cat"}],
        }

    return make
