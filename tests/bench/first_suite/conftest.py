"""Small data sets as tools lay them out."""

import json

import numpy as np
import pytest
from PIL import Image

CLASSES = ("cat", "dog", "horse")


class Folder:
    """A folder of data that grows."""

    def __init__(self, root):
        self.root = root
        self.drawn = 0

    def part(self, file, images, *, number=6, names=None, classes=CLASSES, **keys):
        """An annotation file and its images; an object an image, the classes in turn.

        Args:
            file, images: below the root; the images' folder.
            names: file name in the annotation file, of the image's own name and place.
            classes: names, or whole categories.
            keys: of every annotation.
        """
        categories = [
            {"id": place, **(entry if isinstance(entry, dict) else {"name": entry})}
            for place, entry in enumerate(classes, start=1)
        ]
        document = {"images": [], "annotations": [], "categories": categories}
        used = [entry for entry in categories if not entry.pop("unused", False)]
        (self.root / images).mkdir(parents=True, exist_ok=True)
        for place in range(1, number + 1):
            self.drawn += 1
            name = f"{self.drawn:04}.png"
            size = (64, 48)
            pixels = np.full((size[1], size[0], 3), self.drawn % 256, dtype=np.uint8)
            Image.fromarray(pixels).save(self.root / images / name)
            document["images"].append(
                {
                    "id": place,
                    "file_name": name if names is None else names(name),
                    "width": size[0],
                    "height": size[1],
                }
            )
            document["annotations"].append(
                {
                    "id": place,
                    "image_id": place,
                    "category_id": used[place % len(used)]["id"],
                    "bbox": [8.0, 8.0, 24.0, 16.0],
                    "area": 384.0,
                    "iscrowd": 0,
                    "segmentation": [[8.0, 8.0, 32.0, 8.0, 32.0, 24.0, 8.0, 24.0]],
                    **keys,
                }
            )
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
        return path


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "my data")
