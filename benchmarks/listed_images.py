"""Images to train on in a benchmark: photographs or drawn ones, listed as often as is wanted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from noisyseg.bench.datasets.formats.shapes import ShapesSettings, generate_shapes

DRAWN = 16
PHOTOGRAPH = (640, 480)  # pixels, as most of COCO's
GRAIN = 12.0  # of 255: a drawn image becomes as large a file as a photograph


@dataclass(kw_only=True, slots=True, frozen=True)
class Images:
    """An annotation file in COCO's format and the folder of its images."""

    annotations: Path
    folder: Path
    classes: tuple[str, ...]


def photographs(data: Path) -> Images:
    """Those of a folder with `annotations/*train*.json` and `train2017/`."""
    (file,) = (data / "annotations").glob("*train*.json")
    return Images(annotations=file, folder=data / "train2017", classes=_classes(file))


def drawn(folder: Path, size: int) -> Images:
    """Images of the built-in data set, so many pixels wide and high."""
    data = generate_shapes(folder, ShapesSettings(size=size, train_images=DRAWN, val_images=1))
    file = data / "annotations" / "instances_train.json"
    return Images(annotations=file, folder=data / "train", classes=_classes(file))


def drawn_like_photographs(folder: Path) -> Images:
    """Drawn images of a photograph's size and format, with grain in them."""
    source = drawn(folder, 512)
    document = json.loads(source.annotations.read_text())
    wide, high = PHOTOGRAPH
    scales = {}
    random = np.random.default_rng(0)
    images = folder / "photographs"
    images.mkdir()
    for entry in document["images"]:
        pixels = cv2.imread(str(source.folder / entry["file_name"]))
        grainy = cv2.resize(pixels, PHOTOGRAPH) + random.normal(0, GRAIN, (high, wide, 3))
        scales[entry["id"]] = (wide / entry["width"], high / entry["height"])
        entry |= {"file_name": f"{entry['id']}.jpg", "width": wide, "height": high}
        cv2.imwrite(str(images / entry["file_name"]), grainy.clip(0, 255).astype(np.uint8))
    document["annotations"] = [
        _scaled(entry, *scales[entry["image_id"]]) for entry in document["annotations"]
    ]
    file = folder / "photographs.json"
    file.write_text(json.dumps(document))
    return Images(annotations=file, folder=images, classes=source.classes)


def _scaled(annotation: dict[str, Any], across: float, down: float) -> dict[str, Any]:
    """The annotation in an image that was stretched; its mask as the box's ellipse."""
    x, y, width, height = annotation["bbox"]
    box = [x * across, y * down, width * across, height * down]
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) / 2 + 0.5
    outline = points * box[2:] + box[:2]
    return {
        **annotation,
        "bbox": box,
        "area": annotation["area"] * across * down,
        "segmentation": [outline.ravel().round(2).tolist()],
    }


def listed(source: Images, count: int, path: Path) -> Images:
    """So many of the images, over and over: an epoch as long as the benchmark needs it.

    Args:
        source: whose images without a file or without objects are left out.
        count: images that the new file lists.
        path: where it is written.
    """
    document = json.loads(source.annotations.read_text())
    by_image: dict[int, list[Any]] = {}
    for annotation in document["annotations"]:
        by_image.setdefault(annotation["image_id"], []).append(annotation)
    usable = [image for image in document["images"] if _usable(image, by_image, source.folder)]
    chosen = list(enumerate(islice(cycle(usable), count), start=1))
    entries = [
        {**entry, "image_id": number} for number, image in chosen for entry in by_image[image["id"]]
    ]
    document["images"] = [{**image, "id": number} for number, image in chosen]
    document["annotations"] = [{**entry, "id": n} for n, entry in enumerate(entries, start=1)]
    path.write_text(json.dumps(document))
    return Images(annotations=path, folder=source.folder, classes=source.classes)


def _usable(image: Mapping[str, Any], by_image: Mapping[int, list[Any]], folder: Path) -> bool:
    entries = by_image.get(image["id"], ())
    return (
        any(not entry.get("iscrowd") for entry in entries)
        and (folder / image["file_name"]).is_file()
    )


def _classes(file: Path) -> tuple[str, ...]:
    return tuple(entry["name"] for entry in json.loads(file.read_text())["categories"])
