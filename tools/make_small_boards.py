"""Cut the suite `small`'s photographs out of IoTKITs: python tools/make_small_boards.py FROM TO.

FROM holds annotations/instances_{train,val,test}.json and the folders of their images, 192 × 192
pixels, each image with its `dup_group`. The same FROM and the same Pillow give the same files.
Nothing that noisyseg does calls this: TO is bench/datasets/shipped/boards, and is committed.
"""

import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import orjson
from PIL import Image

FAMILIES = {
    "Arduino": ("Arduino Mega 2560 -Blue-", "Arduino-Micro"),
    "Raspberry Pi": ("Raspberry-Pi-4-B", "Raspberry-Pi-Zero"),
    "ESP": ("Esp8266", "Wemos"),
    "Jetson": ("Jetson Nano", "Jetson TX2"),
}
EVALUATED = 53  # objects of a class
TRAINED = 47
SIDE, QUALITY = 128, 85
PARTS = ("train", "val", "test")
SOURCE = "IoTKITs, https://doi.org/10.1016/j.dib.2025.111650 (data: 10.17632/x5thzmkxhy.1)"


def main() -> None:
    """Write TO/annotations/{train,eval}.json and the images of both."""
    source, target = (Path(argument) for argument in sys.argv[1:3])
    images, names = read_images(source)
    groups = group_images(images)
    evaluated = choose(groups, EVALUATED, taken=set(), first=("val", "test", "train"))
    trained = choose(groups, TRAINED, taken=evaluated, first=("train",))
    for part, chosen in (("train", trained), ("eval", evaluated)):
        write_part(target, part, [image for key in sorted(chosen) for image in groups[key]], names)


def read_images(source: Path) -> tuple[list[dict[str, Any]], dict[int, str]]:
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
                kept.append({**image, "part": part, "path": path, "objects": objects})
    return kept, names


def group_images(images: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """Images by the group of their near-duplicates, which stay on one side."""
    groups = defaultdict(list)
    for image in sorted(images, key=lambda one: one["id"]):
        groups[image["dup_group"]].append(image)
    return groups


def choose(
    groups: dict[int, list[dict[str, Any]]], most: int, *, taken: set[int], first: tuple[str, ...]
) -> set[int]:
    """Groups, small ones first, that give each class no more than so many objects."""
    counts: Counter[int] = Counter()
    chosen: set[int] = set()

    def rank(key: int) -> tuple[int, int, int]:
        return first.index(groups[key][0]["part"]), len(groups[key]), key

    open_groups = [key for key in groups if key not in taken and groups[key][0]["part"] in first]
    for key in sorted(open_groups, key=rank):
        objects = Counter(o["category_id"] for image in groups[key] for o in image["objects"])
        if all(counts[kind] + more <= most for kind, more in objects.items()):
            counts += objects
            chosen.add(key)
    return chosen


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
