"""Draws what each type of noise does to one photograph: python tools/draw_noise_types.py [FOLDER].

`docs/noise-types.md` has a section a type, headed by its name, and in it a step of noise in YAML:
that is made of the photograph's annotations and drawn. The pictures go to docs/noise-types, or to
FOLDER.
"""

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import matplotlib
import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pycocotools import mask as coco_mask

from noisyseg.annotation_files.document import parse_annotations
from noisyseg.mask_overlap import has_mask, run_lengths
from noisyseg.noise.corrupt import corrupt
from noisyseg.noise.spec import NoiseSpec, parse_steps

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "noise-types.md"
PLACE = DOCS / "noise-types"
SECTION = re.compile(r"^### `([\w-]+)`\n(.*?)(?=^#|\Z)", re.M | re.S)
STEP = re.compile(r"^```yaml\n(.*?)^```", re.M | re.S)
SEED = 5  # one that changes something in every picture
FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
FONT_SIZE = 15
WIDTH = 4
CLEAN, CHANGED, GONE = (255, 255, 255), (230, 0, 126), (41, 98, 255)
QUALITY = 80

Annotation = Mapping[str, Any]


class Shown(NamedTuple):
    """A type's section: its name, and the step in it."""

    name: str
    step: dict[str, Any]


def main() -> None:
    """Draw every section of the page, and the clean photograph."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else PLACE
    document = parse_annotations((PLACE / "annotations.json").read_bytes(), "annotations.json")
    picture(document, document).save(folder / "clean.webp", quality=QUALITY)
    for shown in sections(PAGE.read_text(encoding="utf-8")):
        noisy = made(document, shown)
        picture(document, noisy).save(folder / f"{shown.name}.webp", quality=QUALITY)


def sections(text: str) -> Iterator[Shown]:
    """The page's sections that show a type, in order."""
    for name, section in SECTION.findall(text):
        block = STEP.search(section)
        if block is None:
            raise ValueError(f"{PAGE}: the section on {name} has no step in YAML")
        yield Shown(name, yaml.safe_load(block[1]))


def made(document: dict[str, Any], shown: Shown) -> dict[str, Any]:
    """The document with the section's noise."""
    classes = [category["name"] for category in document["categories"]]
    with tempfile.TemporaryDirectory() as folder:
        write_scores(Path(folder) / "scores.npz", document, classes)
        steps = parse_steps(shown.step, classes, str(PAGE), base=Path(folder))
        noisy, _ = corrupt(document, NoiseSpec(steps=steps, seed=SEED))
    return noisy


def write_scores(path: Path, document: Mapping[str, Any], classes: list[str]) -> None:
    """What a model might say of the photograph: it takes the bird for a dog, a bowl for a cup."""
    index = {category["id"]: place for place, category in enumerate(document["categories"])}
    taken_for = {"bird": "dog", "bowl": "cup", "cat": "dog"}
    entries = document["annotations"]
    scores = np.full((len(entries), len(classes)), 0.02)
    for row, entry in enumerate(entries):
        own = index[entry["category_id"]]
        scores[row, own] = 0.5
        scores[row, classes.index(taken_for[classes[own]])] = 0.4
    np.savez(path, ids=np.array([e["id"] for e in entries]), scores=scores, classes=classes)


def picture(clean: Mapping[str, Any], noisy: Mapping[str, Any]) -> Image.Image:
    """The photograph with its annotations: as they were in white, what became of them coloured."""
    photograph = Image.open(PLACE / "photo.jpg").convert("RGB")
    names = {category["id"]: category["name"] for category in clean["categories"]}
    before = {entry["id"]: entry for entry in clean["annotations"]}
    after = {entry["id"]: entry for entry in noisy["annotations"]}
    labels: list[tuple[Annotation, str, tuple[int, int, int]]] = []
    for number, entry in before.items():
        name = names[entry["category_id"]]
        if number not in after:
            _outline(photograph, entry, GONE)
            labels.append((entry, f"{name}: left out", GONE))
    for number, entry in after.items():
        old, name = before.get(number), names[entry["category_id"]]
        if old is None:
            _outline(photograph, entry, CHANGED)
            labels.append((entry, f"{name}: added", CHANGED))
            continue
        moved = any(entry[key] != old[key] for key in ("segmentation", "bbox"))
        was = names[old["category_id"]]
        told = name if name == was else f"{was} → {name}"
        colour = CHANGED if moved or name != was else CLEAN
        if moved:
            _outline(photograph, old, CLEAN)
        _outline(photograph, entry, colour)
        labels.append((entry, told, colour))
    for entry, told, colour in labels:
        _label(photograph, entry, told, colour)
    return photograph


def _outline(photograph: Image.Image, entry: Annotation, colour: tuple[int, int, int]) -> None:
    pixels = np.asarray(photograph).copy()
    cv2.drawContours(pixels, _contours(entry, photograph), -1, (0, 0, 0), WIDTH + 2, cv2.LINE_AA)
    cv2.drawContours(pixels, _contours(entry, photograph), -1, colour, WIDTH - 1, cv2.LINE_AA)
    photograph.paste(Image.fromarray(pixels))


def _contours(entry: Annotation, photograph: Image.Image) -> list[NDArray[Any]]:
    width, height = photograph.size
    if not has_mask(entry):
        x, y, w, h = (round(value) for value in entry["bbox"])
        return [np.array([[[x, y]], [[x + w, y]], [[x + w, y + h]], [[x, y + h]]], dtype=np.int32)]
    mask = coco_mask.decode(run_lengths(entry, height, width))
    found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return list(found)


def _label(
    photograph: Image.Image, entry: Annotation, told: str, colour: tuple[int, int, int]
) -> None:
    pen, font = ImageDraw.Draw(photograph), ImageFont.truetype(FONT, FONT_SIZE)
    x, y, width, height = entry["bbox"]
    left, top, right, bottom = pen.textbbox((0, 0), told, font=font)
    long, high = right - left + 8, bottom - top + 8
    at_x = min(max(x + width / 2 - long / 2, 0), photograph.width - long)
    at_y = min(max(y + height / 2 - high / 2, 0), photograph.height - high)
    pen.rectangle((at_x, at_y, at_x + long, at_y + high), fill=colour)
    dark = colour == CLEAN
    pen.text((at_x + 4 - left, at_y + 4 - top), told, fill="black" if dark else "white", font=font)


if __name__ == "__main__":
    main()
