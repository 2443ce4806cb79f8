"""COCO documents of any size and YAML files, for tests of every room."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from noisyseg.located_yaml import Located, read_yaml


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


@pytest.fixture
def read(tmp_path: Path):
    """Reads YAML text as a file of that name would be read."""

    def make(text: str, name: str = "some.yaml") -> Located:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return read_yaml(path)

    return make
