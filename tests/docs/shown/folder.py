"""What lies in a page's folder before its first block: the names that the pages use."""

import json
import math
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from shown.pages import ROOT
from shown.running import environment

CLASSES = {"cat": 3, "dog": 4, "horse": 6}  # corners of what stands for the class
COLOURS = {"cat": (224, 160, 60), "dog": (70, 130, 200), "horse": (120, 80, 40)}
SIDE = 96
PARTS = {"train": 12, "val": 6}
APPENDED = (".jsonl", ".log")


def lay_out(folder: Path, text: str, store: Path) -> None:
    """Fill a page's folder with what its text names.

    Args:
        folder: of the page, empty.
        text: the page's.
        store: in which `smoke` was run.
    """
    (folder / "home").mkdir(parents=True)
    shutil.copytree(store, folder / "runs", copy_function=_linked_or_copied)
    shutil.copytree(ROOT / "examples", folder / "examples")
    make_data(folder / "my-data")
    shutil.copy(folder / "my-data" / "annotations" / "train.json", folder)
    shutil.copytree(folder / "my-data" / "train", folder / "train")
    if "FOLDER" in text:
        program = [sys.executable, str(ROOT / "tools" / "make_fixtures.py"), "FOLDER"]
        subprocess.run(program, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def run_smoke(folder: Path) -> None:
    """Train the suite `smoke` into the folder's `runs`."""
    (folder / "home").mkdir(parents=True)
    program = str(Path(sys.executable).with_name("noisyseg"))
    subprocess.run(
        [program, "run", "smoke", "--without-ray"],
        cwd=folder,
        env=environment(folder),
        check=True,
        capture_output=True,
    )


def _linked_or_copied(source: str, target: str) -> None:
    if source.endswith(APPENDED):
        shutil.copy2(source, target)
    else:  # written once, and replaced as a whole
        os.link(source, target)


def make_data(root: Path) -> None:
    """A COCO-format data set: two or three polygons an image, of as many corners as their class."""
    numbers = random.Random(0)
    for part, count in PARTS.items():
        (root / part).mkdir(parents=True)
        images, annotations = [], []
        for image in range(1, count + 1):
            name = f"{part}{image:03}.png"
            images.append({"id": image, "file_name": name, "width": SIDE, "height": SIDE})
            drawn = _annotations(numbers, image, first=len(annotations) + 1)
            _picture(drawn).save(root / part / name)
            annotations += drawn
        document = {"images": images, "annotations": annotations, "categories": _categories()}
        (root / "annotations").mkdir(exist_ok=True)
        (root / "annotations" / f"{part}.json").write_text(json.dumps(document))


def _categories() -> list[dict[str, Any]]:
    return [
        {"id": number, "name": name, "supercategory": "animal"}
        for number, name in enumerate(CLASSES, start=1)
    ]


def _annotations(numbers: random.Random, image: int, first: int) -> list[dict[str, Any]]:
    centres = [(24, 24), (70, 28), (46, 70)][: numbers.randint(2, 3)]
    return [
        _annotation(numbers, centre, image, first + number) for number, centre in enumerate(centres)
    ]


def _annotation(
    numbers: random.Random, centre: tuple[int, int], image: int, number: int
) -> dict[str, Any]:
    name = numbers.choice(list(CLASSES))
    radius, turn = numbers.uniform(14, 20), numbers.uniform(0, 2 * math.pi)
    angles = [turn + 2 * math.pi * n / CLASSES[name] for n in range(CLASSES[name])]
    xs = [round(centre[0] + radius * math.cos(angle), 2) for angle in angles]
    ys = [round(centre[1] + radius * math.sin(angle), 2) for angle in angles]
    crossed = zip(xs, ys, xs[1:] + xs[:1], ys[1:] + ys[:1], strict=True)
    box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    return {
        "id": number,
        "image_id": image,
        "category_id": list(CLASSES).index(name) + 1,
        "segmentation": [[value for point in zip(xs, ys, strict=True) for value in point]],
        "area": round(abs(sum(x * v - u * y for x, y, u, v in crossed)) / 2, 2),
        "bbox": [round(value, 2) for value in box],
        "iscrowd": 0,
    }


def _picture(annotations: list[dict[str, Any]]) -> Image.Image:
    picture = Image.new("RGB", (SIDE, SIDE), (205, 215, 205))
    pen = ImageDraw.Draw(picture)
    for annotation in annotations:
        name = list(CLASSES)[annotation["category_id"] - 1]
        pen.polygon(annotation["segmentation"][0], fill=COLOURS[name])
    return picture
