"""Cut the suite `small`'s photographs out of IoTKITs: python tools/make_small_boards.py FROM TO.

FROM holds annotations/instances_{train,val,test}.json and the folders of their images, 192 × 192
pixels, each image with its `dup_group` and its `source`, of which what precedes `.rf.` is the
original's name. The same FROM and the same Pillow give the same files. Nothing that noisyseg does
calls this: TO is bench/datasets/shipped/boards, and is committed.

Many of IoTKITs' images are copies of others: rotated, mirrored, sheared, with another margin. What
may be of one original stays on one side, and of each original one image is taken before another's
second.
"""

import sys
from collections import Counter, defaultdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import orjson
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

FAMILIES = {
    "Arduino": ("Arduino-Due", "Arduino-leonardo"),
    "Raspberry Pi": ("Raspberry-Pi-4-B", "Raspberry-Pi-5"),
    "Raspberry Pi B+": ("Raspberry Pi 1 B-", "Raspberry Pi 3 B-"),
    "Raspberry Pi Zero": ("Raspberry-Pi-Zero-W", "Raspberry-Pi-Zero-2-W"),
    "ESP": ("Wemos",),
    "Jetson": ("Jetson Nano",),
}
TRAINED, EVALUATED = 36, 66  # objects of a class at most
MANY = 12
SIDE, QUALITY = 128, 85
LIKE = 0.92  # of two images' 24 × 24 grey pixels, correlation above which they count as copies
LIKE_OBJECTS = 0.9  # of two objects' of one class, 32 × 32, in their boxes or upright
PARTS = ("train", "val", "test")
SOURCE = "IoTKITs, https://doi.org/10.1016/j.dib.2025.111650 (data: 10.17632/x5thzmkxhy.1)"
_Image = dict[str, Any]


def main() -> None:
    """Write TO/annotations/{train,eval}.json and the images of both."""
    if len(sys.argv) != 3:
        sys.exit("wanted two folders: python tools/make_small_boards.py FROM TO")
    source, target = (Path(argument) for argument in sys.argv[1:])
    images, names = read_images(source)
    sides = split(originals(images), (TRAINED, EVALUATED))
    for part, groups, most in zip(("train", "eval"), sides, (TRAINED, EVALUATED), strict=True):
        write_part(target, part, drawn(groups, most), names)


def read_images(source: Path) -> tuple[list[_Image], dict[int, str]]:
    """Images that show chosen classes alone, with their annotations; the classes' names by id."""
    chosen = {name for family in FAMILIES.values() for name in family}
    kept, names = [], {}
    for part in PARTS:
        document = orjson.loads((source / f"annotations/instances_{part}.json").read_bytes())
        names = {entry["id"]: entry["name"] for entry in document["categories"]}
        of_image = defaultdict(list)
        for annotation in document["annotations"]:
            of_image[annotation["image_id"]].append(annotation)
        for image in document["images"]:
            objects = of_image[image["id"]]
            if objects and {names[entry["category_id"]] for entry in objects} <= chosen:
                path = source / part / image["file_name"]
                kept.append({**image, "path": path, "objects": objects})
    return sorted(kept, key=lambda one: one["id"]), names


def originals(images: list[_Image]) -> list[list[_Image]]:
    """Images by what may be one original: named as one, known as copies, or alike in pixels."""
    alike = [*alike_images(images), *alike_objects(images)]
    first: dict[Any, int] = {}
    for place, image in enumerate(images):
        name = image["source"].split("/", 1)[1].split(".rf.")[0]
        kinds = {entry["category_id"] for entry in image["objects"]}
        for mark in [image["dup_group"], *((name, kind) for kind in kinds)]:
            alike.append((first.setdefault(mark, place), place))
    rows, columns = np.array(alike).T
    edges = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(images),) * 2)
    groups: dict[int, list[_Image]] = defaultdict(list)
    for image, group in zip(images, connected_components(edges, directed=False)[1], strict=True):
        groups[int(group)].append(image)
    return list(groups.values())


def alike_images(images: list[_Image]) -> list[tuple[int, int]]:
    """Places of images that are alike as a whole."""
    pixels = np.stack(
        [cv2.resize(grey(one), (24, 24), interpolation=cv2.INTER_AREA) for one in images]
    )
    return [(int(one), int(other)) for one, other in np.argwhere(likeness(pixels) > LIKE)]


def alike_objects(images: list[_Image]) -> list[tuple[int, int]]:
    """Places of images with objects of one class that are alike, whatever is around them."""
    objects = [(place, entry) for place, one in enumerate(images) for entry in one["objects"]]
    places = [place for place, _ in objects]
    kinds = [entry["category_id"] for _, entry in objects]
    same = np.equal.outer(kinds, kinds)
    found = []
    for cut in (boxed, upright):
        pixels = np.stack([cut(grey(images[place]), entry) for place, entry in objects])
        found.append(np.argwhere(same & (likeness(pixels) > LIKE_OBJECTS)))
    return [(places[one], places[other]) for one, other in np.concatenate(found)]


def grey(image: _Image) -> NDArray[np.uint8]:
    """An image's pixels, shape (H, W)."""
    with Image.open(image["path"]) as picture:
        return np.asarray(picture.convert("L"))


def boxed(pixels: NDArray[np.uint8], entry: dict[str, Any]) -> NDArray[np.uint8]:
    """What an annotation's box holds, shape (32, 32)."""
    x, y, width, height = entry["bbox"]
    return cut_out(pixels, [[x, y], [x + width, y], [x + width, y + height], [x, y + height]])


def upright(pixels: NDArray[np.uint8], entry: dict[str, Any]) -> NDArray[np.uint8]:
    """An object's narrowest rectangle, turned upright, shape (32, 32)."""
    rings = [np.array(ring, np.float32).reshape(-1, 2) for ring in entry["segmentation"]]
    return cut_out(pixels, cv2.boxPoints(cv2.minAreaRect(np.concatenate(rings))))


def cut_out(pixels: NDArray[np.uint8], corners: Any) -> NDArray[np.uint8]:
    """A rectangle's pixels, whatever its sides; shape (32, 32)."""
    square = np.array([[0, 0], [95, 0], [95, 95], [0, 95]], np.float32)
    turn = cv2.getPerspectiveTransform(np.array(corners, np.float32), square)
    large = cv2.warpPerspective(pixels, turn, (96, 96), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(large, (32, 32), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def likeness(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Correlation of every two, of their rotations and mirrorings the highest; shape (N, N).

    Args:
        pixels: shape (N, S, S).
    """
    turned = [np.rot90(pixels, quarter, (1, 2)) for quarter in range(4)]
    turned += [view[:, :, ::-1] for view in turned]
    own = standardised(pixels)
    found: NDArray[np.float64] = np.max([own @ standardised(view).T for view in turned], axis=0)
    return found


def standardised(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Pictures as rows of length 1 and mean 0."""
    rows = pixels.reshape(len(pixels), -1).astype(float)
    rows = rows - rows.mean(axis=1, keepdims=True)
    lengths: NDArray[np.float64] = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(lengths, 1e-9)


def split(groups: list[list[_Image]], wanted: tuple[int, int]) -> list[list[list[_Image]]]:
    """Each original, those of many images first, to the side that lacks its classes most.

    One of more than `MANY` goes to training: evaluation is to see as many originals as it can.
    """
    sides: list[list[list[_Image]]] = [[], []]
    counts: list[Counter[int]] = [Counter(), Counter()]
    for group in sorted(groups, key=lambda one: (-len(one), one[0]["id"])):
        kinds = Counter(entry["category_id"] for image in group for entry in image["objects"])
        had = [sum(counts[s][kind] for kind in kinds) / wanted[s] for s in (0, 1)]
        side = int(len(group) <= MANY and had[1] < had[0])
        sides[side].append(group)
        # Originals are what is scarce: of many copies, few count.
        counts[side] += Counter({kind: min(number, 3) for kind, number in kinds.items()})
    return sides


def drawn(groups: list[list[_Image]], most: int) -> list[_Image]:
    """The first image of every original, then the second, to no more objects of a class."""
    counts: Counter[int] = Counter()
    chosen = []
    for image in (one for turn in zip_longest(*groups) for one in turn if one is not None):
        more = Counter(entry["category_id"] for entry in image["objects"])
        if all(counts[kind] + number <= most for kind, number in more.items()):
            counts += more
            chosen.append(image)
    return sorted(chosen, key=lambda one: one["id"])


def write_part(
    target: Path, part: str, images: list[dict[str, Any]], names: dict[int, str]
) -> None:
    """One side's annotation file and images, everything in the new size."""
    (target / part).mkdir(parents=True, exist_ok=True)
    (target / "annotations").mkdir(exist_ok=True)
    order = [name for family in FAMILIES.values() for name in family]
    family_of = {name: family for family, members in FAMILIES.items() for name in members}
    document: dict[str, Any] = {
        "info": {
            "description": f"Part of {SOURCE}, resized to {SIDE} × {SIDE} pixels, JPEG quality "
            f"{QUALITY}: see LICENSE."
        },
        "licenses": [
            {"id": 1, "name": "CC BY 4.0", "url": "https://creativecommons.org/licenses/by/4.0/"}
        ],
        "categories": [
            {"id": number, "name": name, "supercategory": family_of[name]}
            for number, name in enumerate(order, start=1)
        ],
        "images": [],
        "annotations": [],
    }
    for image in sorted(images, key=lambda one: one["id"]):
        factor = SIDE / image["width"]
        with Image.open(image["path"]) as picture:
            small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        small.save(target / part / image["file_name"], quality=QUALITY, optimize=True)
        told = {key: image[key] for key in ("id", "file_name", "dup_group", "source")}
        document["images"].append({**told, "width": SIDE, "height": SIDE, "license": 1})
        for entry in image["objects"]:
            document["annotations"].append(scaled(entry, factor, order, names))
    content = orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    (target / "annotations" / f"{part}.json").write_bytes(content)
    told = Counter(order[entry["category_id"] - 1] for entry in document["annotations"])
    sys.stdout.write(f"{part}: {len(document['images'])} images, {dict(told)}\n")


def scaled(
    entry: dict[str, Any], factor: float, order: list[str], names: dict[int, str]
) -> dict[str, Any]:
    """An annotation in the new size, its polygons to a hundredth of a pixel."""
    polygons = [[round(value * factor, 2) for value in ring] for ring in entry["segmentation"]]
    return {
        "id": entry["id"],
        "image_id": entry["image_id"],
        "category_id": order.index(names[entry["category_id"]]) + 1,
        "iscrowd": 0,
        "area": round(entry["area"] * factor**2, 2),
        "bbox": [round(value * factor, 2) for value in entry["bbox"]],
        "segmentation": polygons,
    }


if __name__ == "__main__":
    main()
