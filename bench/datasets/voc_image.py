"""An image of Pascal VOC 2012 as COCO annotations, from one of three sources of masks.

`seg`: VOC's own PNGs (SegmentationObject, SegmentationClass), 1464 and 1449 images. `sbd`: the
instance masks of the Semantic Boundaries Dataset (Hariharan et al., ICCV 2011) for the images of
VOC's detection lists that it annotates. `box`: every image of the detection lists, each box as a
rectangle, which is what a widely used COCO-style VOC file holds.

Difficult objects are left out of the training file. In the evaluation file they are `iscrowd: 1`,
the one flag by which pycocotools ignores an object (it overwrites `ignore`): what is found there
counts neither way.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noisyseg.bench.datasets.converted import ConvertedImage, mask_annotation
from noisyseg.bench.datasets.raw_files import image_size, mat_content, palette_image, reading
from noisyseg.bench.datasets.voc_objects import (
    VOC_CLASSES,
    VocObject,
    best_object,
    read_objects,
)
from noisyseg.errors import InputError

VOID = 255
_GROUPS = {
    "person": ("person",),
    "animal": ("bird", "cat", "cow", "dog", "horse", "sheep"),
    "vehicle": ("aeroplane", "bicycle", "boat", "bus", "car", "motorbike", "train"),
    "indoor": ("bottle", "chair", "diningtable", "pottedplant", "sofa", "tvmonitor"),
}
CATEGORIES: list[Mapping[str, Any]] = [
    {
        "id": number,
        "name": name,
        "supercategory": next(group for group, names in _GROUPS.items() if name in names),
    }
    for number, name in enumerate(VOC_CLASSES, start=1)
]


@dataclass(kw_only=True, slots=True, frozen=True)
class VocTask:
    """An image to convert.

    Attributes:
        voc: the folder VOC2012.
        sbd: SBD's folder of .mat files; None for other masks.
        masks: seg, sbd or box.
        keep_difficult: as ignored objects; else they are left out.
    """

    voc: Path
    sbd: Path | None
    masks: str
    name: str
    keep_difficult: bool

    @property
    def picture(self) -> Path:
        """The image's file."""
        return self.voc / "JPEGImages" / f"{self.name}.jpg"

    def convert(self) -> ConvertedImage:
        """As `convert_voc`."""
        return convert_voc(self)

    def files(self) -> list[Path]:
        """What the conversion reads."""
        files = [
            self.picture,
            self.voc / "Annotations" / f"{self.name}.xml",
        ]
        if self.masks == "seg":
            folders = ("SegmentationObject", "SegmentationClass")
            files += [self.voc / folder / f"{self.name}.png" for folder in folders]
        if self.sbd is not None:
            files.append(self.sbd / f"{self.name}.mat")
        return files


def convert_voc(task: VocTask) -> ConvertedImage:
    """An image's annotations from its mask source.

    Raises:
        InputError: a file that is absent, damaged, or does not fit the others; names it.
    """
    picture = task.picture
    size = image_size(picture)
    objects, remarks = read_objects(task.voc / "Annotations" / f"{task.name}.xml", size)
    found = ConvertedImage(
        image={"file_name": picture.name, "width": size[0], "height": size[1]},
        annotations=[],
        remarks=remarks,
    )
    if task.masks == "box":
        pairs = [(_box_annotation(entry), entry.difficult) for entry in objects]
    else:
        found_in, numbers, masks = _read_seg(task) if task.sbd is None else _read_sbd(task)
        height, width = numbers.shape
        if (width, height) != size:
            raise InputError(
                f"{found_in} has {width} × {height} pixels, {picture} {size[0]} × {size[1]}: they "
                "are of different images."
            )
        pairs = [_with_object(name, mask, objects, found.remarks) for name, mask in masks]
    for annotation, difficult in pairs:
        if difficult and task.keep_difficult:
            found.annotations.append({**annotation, "iscrowd": 1, "difficult": 1})
        elif not difficult:
            found.annotations.append(annotation)
    return found


def _with_object(
    name: str, mask: NDArray[np.bool_], objects: Sequence[VocObject], remarks: list[str]
) -> tuple[dict[str, Any], bool]:
    """A mask's annotation, and whether its class's object of the best box is difficult."""
    annotation = mask_annotation(mask, category_id=VOC_CLASSES.index(name) + 1)
    x, y, width, height = annotation["bbox"]
    match = best_object((x, y, width, height), objects)
    if match is None:
        remarks.append("an instance overlaps no object of its XML file")
    elif match.name != name:
        remarks.append("an instance's class is not its XML object's (the mask's is kept)")
    # Another class's object says nothing of how hard this one is.
    own = best_object((x, y, width, height), [entry for entry in objects if entry.name == name])
    return annotation, own is not None and own.difficult


def _box_annotation(entry: VocObject) -> dict[str, Any]:
    x, y, width, height = entry.box
    right, bottom = x + width, y + height
    return {
        "category_id": VOC_CLASSES.index(entry.name) + 1,
        "bbox": [x, y, width, height],
        "area": width * height,
        "segmentation": [[x, y, right, y, right, bottom, x, bottom]],
        "iscrowd": 0,
    }


def _read_seg(task: VocTask) -> tuple[Path, NDArray[Any], list[tuple[str, NDArray[np.bool_]]]]:
    """Class and pixels of each number in SegmentationObject; void pixels belong to none.

    Returns:
        The file, its numbers, and the instances.
    """
    path = task.voc / "SegmentationObject" / f"{task.name}.png"
    class_path = task.voc / "SegmentationClass" / f"{task.name}.png"
    numbers, classes = palette_image(path), palette_image(class_path)
    if numbers.shape != classes.shape:
        raise InputError(f"{path} and {class_path} are of different sizes.")
    masks = []
    for number in _present(numbers):
        mask = numbers == number
        masks.append((_class_of(classes[mask], class_path), mask))
    return path, numbers, masks


def _present(numbers: NDArray[np.uint8]) -> list[int]:
    present = np.flatnonzero(np.bincount(numbers.ravel(), minlength=VOID + 1))
    return [int(number) for number in present if number not in (0, VOID)]


def _class_of(values: NDArray[np.uint8], path: Path) -> str:
    """The class of most of an instance's pixels."""
    counts = Counter({int(k): int(n) for k, n in enumerate(np.bincount(values)) if n})
    for unlabelled in (0, VOID):
        del counts[unlabelled]
    best, _ = max(counts.items(), key=lambda entry: (entry[1], -entry[0]), default=(0, 0))
    return _class_name(best, path)


def _class_name(number: int, path: Path) -> str:
    if not 1 <= number <= len(VOC_CLASSES):
        raise InputError(f"{path}: {number} is no class; VOC's go from 1 to {len(VOC_CLASSES)}.")
    return VOC_CLASSES[number - 1]


def _read_sbd(task: VocTask) -> tuple[Path, NDArray[Any], list[tuple[str, NDArray[np.bool_]]]]:
    """Class and pixels of each instance in an SBD file: GTinst with Segmentation, Categories.

    Returns:
        The file, its numbers, and the instances.
    """
    # Imported here: other data need no reader of .mat files.
    import scipy.io

    assert task.sbd is not None
    path = task.sbd / f"{task.name}.mat"
    content = mat_content(path)
    with reading(path, "a .mat file of SBD"):
        try:
            inside = scipy.io.loadmat(content, squeeze_me=True, struct_as_record=True)["GTinst"]
            numbers = np.asarray(inside["Segmentation"][()])
            classes = np.atleast_1d(np.asarray(inside["Categories"][()]))
        # What SciPy raises for damaged content, and NumPy for content of another kind.
        except (
            *(LookupError, TypeError, EOFError, NotImplementedError),
            scipy.io.matlab.MatReadError,
        ) as error:
            raise ValueError(
                f"wanted GTinst.Segmentation and GTinst.Categories: {error}"
            ) from error
    if classes.dtype.kind == "f" and not (classes % 1).any():  # MATLAB's numbers, or none at all
        classes = classes.astype(np.int64)
    if numbers.ndim != 2 or numbers.dtype.kind not in "iu" or classes.dtype.kind not in "iu":
        raise InputError(f"{path}: wanted whole numbers in Segmentation and Categories.")
    masks = []
    for number, category in enumerate(classes, start=1):
        mask = numbers == number
        if mask.any():
            masks.append((_class_name(int(category), path), mask))
    if numbers.max(initial=0) > len(classes):
        raise InputError(f"{path}: {numbers.max()} instances, but {len(classes)} categories.")
    return path, numbers, masks
