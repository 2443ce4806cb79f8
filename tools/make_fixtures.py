"""Makes small data sets in the layouts of the official archives, and a list of what was drawn.

    python tools/make_fixtures.py FOLDER [--images 6] [--seed 0]

FOLDER then holds VOCdevkit/, benchmark_RELEASE/ (SBD), cityscapes/, coco/, and drawn.json: for each
data set and split the instances by image, with class, box, area and mask as they were drawn. The
pictures are noise with rectangles and ellipses; what matters is in the annotations: occlusion, void
pixels, difficult objects, groups, touching instances of one class, images without any instance.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

sys.path.insert(0, str(Path(__file__).parents[1]))
from noisyseg.bench.datasets.formats.cityscapes import CITYSCAPES_CLASSES
from noisyseg.bench.datasets.voc_objects import VOC_CLASSES

Mask = NDArray[np.bool_]
HEIGHT, WIDTH = 72, 96
VOID = 255
CARAVAN, CAR_GROUP = 29, 26  # Cityscapes: a class that is not evaluated, and a crowd of cars
COCO_IDS = [n for n in range(1, 91) if n not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)]
# COCO's super-categories by the first id after each of them.
COCO_GROUPS = (
    *((2, "person"), (10, "vehicle"), (16, "outdoor"), (26, "animal"), (34, "accessory")),
    *((44, "sports"), (52, "kitchen"), (62, "food"), (71, "furniture"), (78, "electronic")),
    *((84, "appliance"), (91, "indoor")),
)


@dataclass(kw_only=True, slots=True, frozen=True)
class Drawn:
    """An instance: its visible pixels and what the annotations say of it."""

    name: str
    mask: Mask
    difficult: bool = False


def main() -> None:
    """Make everything below the folder that the command line names."""
    parser = argparse.ArgumentParser(description="small data sets in the official layouts")
    parser.add_argument("root", type=Path, metavar="FOLDER")
    parser.add_argument("--images", type=int, default=6, help="images of a split (default: 6)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    make_fixtures(given.root, images=given.images, seed=given.seed)


def make_fixtures(root: Path, *, images: int = 6, seed: int = 0) -> dict[str, Any]:
    """Every data set; returns what drawn.json holds."""
    drawn: dict[str, Any] = {
        "voc2012": make_voc(root, images=images, seed=seed),
        "cityscapes": make_cityscapes(root, images=images, seed=seed),
        "coco2017": make_coco(root, images=images, seed=seed),
    }
    (root / "drawn.json").write_text(json.dumps(drawn))
    return drawn


# Scenes


def scene(
    random: np.random.RandomState,
    names: Sequence[str],
    height: int,
    width: int,
    difficult: int = -1,
) -> list[Drawn]:
    """Instances of the given classes: the first two touch along an edge and share one class, the
    third lies partly over the second, the rest lie where they fall; later ones hide earlier ones.
    The one at the place `difficult`, counted from 0, is so.
    """
    y, x = int(random.randint(4, height - 44)), int(random.randint(4, width - 76))
    masks = [
        _rectangle(height, width, x, y, 20, 28),
        _rectangle(height, width, x + 20, y, 18, 28),
        _ellipse(height, width, x + 44, y + 20, 16, 11),
    ]
    while len(masks) < len(names):
        corner = int(random.randint(0, width - 18)), int(random.randint(0, height - 16))
        masks.append(_rectangle(height, width, *corner, 16, 14))
    labels = [names[0], names[0], *names[2:]] if len(names) > 2 else list(names)
    instances = []
    for place, (name, mask) in enumerate(zip(labels, masks, strict=False)):
        hidden = np.any([*masks[place + 1 : len(labels)], np.zeros_like(mask)], axis=0)
        visible = mask & ~hidden
        if visible.sum() >= 64:
            instances.append(Drawn(name=name, mask=visible, difficult=place == difficult))
    return instances


def _rectangle(height: int, width: int, x: int, y: int, w: int, h: int) -> Mask:
    mask = np.zeros((height, width), bool)
    mask[y : y + h, x : x + w] = True
    return mask


def _ellipse(height: int, width: int, x: int, y: int, a: int, b: int) -> Mask:
    rows, columns = np.mgrid[:height, :width]
    inside: Mask = ((columns - x) * b) ** 2 + ((rows - y) * a) ** 2 <= (a * b) ** 2
    return inside


def picture(
    random: np.random.RandomState, instances: Sequence[Drawn], shape: Sequence[int]
) -> Image.Image:
    """Grey noise, each instance in a colour of its own."""
    pixels = random.randint(90, 140, (*shape, 3))
    for instance in instances:
        pixels[instance.mask] = random.randint(0, 255, 3)
    return Image.fromarray(pixels.astype(np.uint8))


def rounds(names: Sequence[str], count: int) -> Iterator[list[str]]:
    """Endless groups of so many class names, in turn, so that all of them occur."""
    place = 0
    while True:
        yield [names[(place + k) % len(names)] for k in range(count)]
        place += count - 1  # the second of a group becomes the first one's class
        names = [*names[1:], names[0]] if place % len(names) == 0 else names


def described(instance: Drawn, mask: Mask | None = None) -> dict[str, Any]:
    """An instance as drawn.json has it: tight box [x, y, w, h], area, mask as run lengths."""
    mask = instance.mask if mask is None else mask
    rows, columns = np.nonzero(mask)
    x, y = int(columns.min()), int(rows.min())
    runs = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {
        "class": instance.name,
        "difficult": instance.difficult,
        "bbox": [x, y, int(columns.max()) - x + 1, int(rows.max()) - y + 1],
        "area": int(mask.sum()),
        "mask": {"size": [int(side) for side in runs["size"]], "counts": runs["counts"].decode()},
    }


# Pascal VOC and SBD


def make_voc(root: Path, *, images: int, seed: int) -> dict[str, Any]:
    """VOCdevkit/VOC2012 and benchmark_RELEASE/dataset; a split's last image has boxes alone."""
    voc = root / "VOCdevkit" / "VOC2012"
    sbd = root / "benchmark_RELEASE" / "dataset"
    for folder in ("JPEGImages", "Annotations", "SegmentationClass", "SegmentationObject"):
        (voc / folder).mkdir(parents=True, exist_ok=True)
    for folder in (voc / "ImageSets" / "Main", voc / "ImageSets" / "Segmentation"):
        folder.mkdir(parents=True, exist_ok=True)
    for folder in ("inst", "cls", "img"):
        (sbd / folder).mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState([seed, 1])
    drawn: dict[str, Any] = {masks: {"train": {}, "val": {}} for masks in ("seg", "sbd", "box")}
    in_sbd: list[str] = []
    for number, split in enumerate(("train", "val")):
        groups = rounds(VOC_CLASSES, 5)
        names = [f"{2007 + number}_{k:06d}" for k in range(1, images + 1)]
        for name in names:
            instances = scene(random, next(groups), HEIGHT, WIDTH, difficult=3)
            picture(random, instances, (HEIGHT, WIDTH)).save(
                voc / "JPEGImages" / f"{name}.jpg", quality=90
            )
            (voc / "Annotations" / f"{name}.xml").write_text(voc_xml(name, instances))
            drawn["box"][split][name] = [described(i, _box_mask(i)) for i in instances]
            if name == names[-1] and images > 1:
                continue
            write_sbd(sbd, name, instances)
            in_sbd.append(name)
            drawn["sbd"][split][name] = [described(i) for i in instances]
            drawn["seg"][split][name] = write_voc_masks(voc, name, instances)
        for kind, listed in (("Main", names), ("Segmentation", list(drawn["seg"][split]))):
            text = "".join(f"{name}\n" for name in listed)
            (voc / "ImageSets" / kind / f"{split}.txt").write_text(text)
    # SBD's own split is another one.
    (sbd / "train.txt").write_text("".join(f"{name}\n" for name in in_sbd[::2]))
    (sbd / "val.txt").write_text("".join(f"{name}\n" for name in in_sbd[1::2]))
    return drawn


def _box_mask(instance: Drawn) -> Mask:
    rows, columns = np.nonzero(instance.mask)
    mask = np.zeros_like(instance.mask)
    mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
    return mask


def voc_xml(name: str, instances: Sequence[Drawn]) -> str:
    """VOC's annotation of an image; its pixels count from 1 and boxes include their last ones."""
    objects = []
    for instance in instances:
        rows, columns = np.nonzero(instance.mask)
        objects.append(
            f"<object><name>{instance.name}</name><pose>Unspecified</pose><truncated>0</truncated>"
            f"<difficult>{int(instance.difficult)}</difficult><bndbox><xmin>{columns.min() + 1}"
            f"</xmin><ymin>{rows.min() + 1}</ymin><xmax>{columns.max() + 1}</xmax>"
            f"<ymax>{rows.max() + 1}</ymax></bndbox></object>"
        )
    height, width = instances[0].mask.shape
    return (
        f"<annotation><folder>VOC2012</folder><filename>{name}.jpg</filename><size>"
        f"<width>{width}</width><height>{height}</height><depth>3</depth></size>"
        f"<segmented>1</segmented>{''.join(objects)}</annotation>\n"
    )


def write_voc_masks(voc: Path, name: str, instances: Sequence[Drawn]) -> list[dict[str, Any]]:
    """The two palette PNGs, with a line of void pixels around every instance."""
    numbers = np.zeros(instances[0].mask.shape, np.uint8)
    classes = np.zeros_like(numbers)
    for number, instance in enumerate(instances, start=1):
        numbers[instance.mask] = number
        classes[instance.mask] = VOC_CLASSES.index(instance.name) + 1
    void = _borders(numbers)
    for folder, values in (("SegmentationObject", numbers), ("SegmentationClass", classes)):
        values[void] = VOID
        image = Image.fromarray(values)
        image.putpalette(voc_palette())
        image.save(voc / folder / f"{name}.png")
    return [described(instance, instance.mask & ~void) for instance in instances]


def _borders(numbers: NDArray[np.uint8]) -> Mask:
    """Pixels that have another number to their right or below."""
    void = np.zeros(numbers.shape, bool)
    void[:, :-1] |= numbers[:, :-1] != numbers[:, 1:]
    void[:-1] |= numbers[:-1] != numbers[1:]
    return void


def voc_palette() -> list[int]:
    """VOC's colour map: bits of the index, spread over red, green and blue from the top."""
    palette = []
    for index in range(256):
        for channel in range(3):
            bits = [(index >> (3 * k + channel)) & 1 for k in range(3)]
            palette.append(sum(bit << (7 - k) for k, bit in enumerate(bits)))
    return palette


def write_sbd(sbd: Path, name: str, instances: Sequence[Drawn]) -> None:
    """SBD's .mat file of an image: instance numbers and the class of each."""
    numbers = np.zeros(instances[0].mask.shape, np.uint8)
    for number, instance in enumerate(instances, start=1):
        numbers[instance.mask] = number
    classes = [[VOC_CLASSES.index(instance.name) + 1] for instance in instances]
    content = {
        "Segmentation": numbers,
        "Boundaries": np.zeros((len(instances), 1), np.uint8),  # sparse outlines in the real files
        "Categories": np.array(classes, np.uint8),
    }
    scipy.io.savemat(sbd / "inst" / f"{name}.mat", {"GTinst": content}, do_compression=True)


# Cityscapes


def make_cityscapes(root: Path, *, images: int, seed: int) -> dict[str, Any]:
    """Two cities of train and one of val; the last image of each split has no instance."""
    random = np.random.RandomState([seed, 2])
    drawn: dict[str, Any] = {"train": {}, "val": {}}
    cities = {"train": ("aachen", "bochum"), "val": ("frankfurt",)}
    for split, of_split in cities.items():
        groups = rounds(list(CITYSCAPES_CLASSES), 5)
        for number in range(images):
            city = of_split[number % len(of_split)]
            stem = f"{city}_000000_{number:06d}"
            empty = number == images - 1 and images > 1
            instances = [] if empty else scene(random, next(groups), HEIGHT, 2 * WIDTH)
            folders = [
                root / "cityscapes" / kind / split / city for kind in ("leftImg8bit", "gtFine")
            ]
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
            image = picture(random, instances, (HEIGHT, 2 * WIDTH))
            image.save(folders[0] / f"{stem}_leftImg8bit.png")
            ids = cityscapes_ids(instances)
            Image.fromarray(ids).save(folders[1] / f"{stem}_gtFine_instanceIds.png")
            drawn[split][f"{city}/{stem}_leftImg8bit.png"] = [described(i) for i in instances]
    return drawn


def cityscapes_ids(instances: Sequence[Drawn]) -> NDArray[np.uint16]:
    """Instance ids (class · 1000 + number) on road, beside a group of cars and two caravans."""
    ids = np.full((HEIGHT, 2 * WIDTH), 7, np.uint16)
    ids[:3, :40] = CAR_GROUP
    ids[:3, 50:60] = CARAVAN * 1000
    ids[:3, 60:70] = CARAVAN * 1000 + 1
    for number, instance in enumerate(instances):
        ids[instance.mask] = CITYSCAPES_CLASSES[instance.name] * 1000 + number
    return ids


# COCO


def make_coco(root: Path, *, images: int, seed: int) -> dict[str, Any]:
    """train2017, val2017 and test2017 with COCO's 80 categories; one crowd a split."""
    random = np.random.RandomState([seed, 3])
    annotations = root / "coco" / "annotations"
    annotations.mkdir(parents=True, exist_ok=True)
    categories = coco_categories()
    drawn: dict[str, Any] = {}
    for split in ("train", "val"):
        document = _coco_split(random, root / "coco" / f"{split}2017", images, categories)
        (annotations / f"instances_{split}2017.json").write_text(json.dumps(document["file"]))
        drawn[split] = document["drawn"]
    test = root / "coco" / "test2017"
    test.mkdir(exist_ok=True)
    listed = []
    for number in range(1, 4):
        picture(random, [], (HEIGHT, WIDTH)).save(test / f"{number:012d}.jpg")
        listed.append(_coco_image(number))
    info = {"images": listed, "categories": categories}
    (annotations / "image_info_test-dev2017.json").write_text(json.dumps(info))
    return drawn


def _coco_split(
    random: np.random.RandomState, folder: Path, images: int, categories: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    ids = {entry["name"]: entry["id"] for entry in categories}
    groups = rounds(list(ids), 6)
    file: dict[str, Any] = {"images": [], "annotations": [], "categories": list(categories)}
    drawn: dict[str, Any] = {}
    for number in range(1, images + 1):
        image = _coco_image(37 * number)
        instances = scene(random, next(groups), HEIGHT, WIDTH)
        picture(random, instances, (HEIGHT, WIDTH)).save(folder / image["file_name"])
        file["images"].append(image)
        drawn[image["file_name"]] = [described(instance) for instance in instances]
        for entry in drawn[image["file_name"]]:
            file["annotations"].append(
                {
                    "id": 1000 + len(file["annotations"]),
                    "image_id": image["id"],
                    "category_id": ids[entry["class"]],
                    "bbox": [float(side) for side in entry["bbox"]],
                    "area": float(entry["area"]),
                    "segmentation": entry["mask"],
                    "iscrowd": 0,
                }
            )
    crowd = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    crowd[60:70, 80:95] = 1
    runs = np.diff(np.flatnonzero(np.diff(crowd.ravel(order="F"), prepend=0, append=0)))
    first = int(np.flatnonzero(crowd.ravel(order="F"))[0])
    counts = [first, *(int(run) for run in runs)]
    file["annotations"].append(
        {
            "id": 999_999,
            "image_id": file["images"][0]["id"],
            "category_id": 1,
            "bbox": [80.0, 60.0, 15.0, 10.0],
            "area": 150.0,
            "segmentation": {
                "size": [HEIGHT, WIDTH],
                "counts": [*counts, HEIGHT * WIDTH - sum(counts)],
            },
            "iscrowd": 1,
        }
    )
    return {"file": file, "drawn": drawn}


def _coco_image(number: int) -> dict[str, Any]:
    return {"id": number, "file_name": f"{number:012d}.jpg", "width": WIDTH, "height": HEIGHT}


def coco_categories() -> list[dict[str, Any]]:
    """COCO's 80 categories with their ids, which leave gaps, and super-categories."""
    return [
        {"id": number, "name": name, "supercategory": _group(number)}
        for number, name in zip(COCO_IDS, COCO_NAMES, strict=True)
    ]


def _group(number: int) -> str:
    return next(name for end, name in COCO_GROUPS if number < end)


COCO_NAMES = (
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "airplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "couch",
    "potted plant",
    "bed",
    "dining table",
    "toilet",
    "tv",
    "laptop",
    "mouse",
    "remote",
    "keyboard",
    "cell phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy bear",
    "hair drier",
    "toothbrush",
)

if __name__ == "__main__":
    main()
