"""Is a data set whole and readable? Every file is looked at; all that is wrong is gathered."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from noisyseg.bench.datasets import cityscapes, voc
from noisyseg.bench.datasets.coco_folder import coco_splits
from noisyseg.bench.datasets.converted import Progress, convert_all
from noisyseg.bench.datasets.image_files import image_size_as_read
from noisyseg.bench.datasets.known import SPLITS, Layout, listed_images, official_counts
from noisyseg.bench.datasets.split import Split
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.noise.annotations import parse_annotations, read_bytes

_SHOWN = 3
_MARGIN = 1.0  # pixels that rounding may put outside of an image
UNPACK = "unpack the archive again, or download it again (noisyseg data download)"
EXPORT = "correct the annotation file, or export it again"


@dataclass(kw_only=True, slots=True, frozen=True)
class Fault:
    """Something wrong with one file or annotation.

    Attributes:
        kind: what is wrong, the same words for all of a kind.
        where: which file or annotation.
        mend: what to do about it.
    """

    kind: str
    where: str
    mend: str


@dataclass(kw_only=True, slots=True)
class Report:
    """What a check found.

    Attributes:
        name: of the data set.
        faults: what is to be mended.
        remarks: what is worth knowing.
        images, annotations: how many were looked at.
        sha256: of annotation files, by path.
    """

    name: str
    faults: list[Fault] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    images: int = 0
    annotations: int = 0
    sha256: dict[str, str] = field(default_factory=dict)

    def groups(self) -> list[dict[str, Any]]:
        """The faults by kind: how many, the first of them, what to do."""
        kinds: dict[tuple[str, str], list[str]] = defaultdict(list)
        for fault in self.faults:
            kinds[fault.kind, fault.mend].append(fault.where)
        return [
            {"kind": kind, "count": len(where), "first": where[:_SHOWN], "mend": mend}
            for (kind, mend), where in kinds.items()
        ]


def check_layout(
    layout: Layout,
    *,
    allow_partial: bool,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Check the raw files of VOC, Cityscapes or COCO."""
    report = Report(name=layout.name)
    if layout.name == "coco2017":
        counts = {
            name: _check_split(report, split, workers, progress)
            for name, split in coco_splits(layout.folder).items()
        }
    else:
        counts = _check_raw(report, layout, workers, progress)
    _check_counts(report, layout, counts, allow_partial=allow_partial)
    return report


def check_split(
    name: str,
    splits: Iterable[Split],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Check COCO-format files and their images."""
    report = Report(name=name)
    for split in splits:
        _check_split(report, split, workers, progress)
    return report


def _check_counts(
    report: Report, layout: Layout, found: Mapping[str, int], *, allow_partial: bool
) -> None:
    for split, official in official_counts(layout).items():
        if found[split] == official:
            continue
        text = f"{split} has {found[split]} images, officially {official}"
        if allow_partial:
            report.remarks.append(text)
        else:
            mend = f"{UNPACK}; or go on with --allow-partial"
            report.faults.append(
                Fault(kind="the number of images is not the official one", where=text, mend=mend)
            )


def _check_raw(
    report: Report, layout: Layout, workers: int | None, progress: Progress | None
) -> dict[str, int]:
    """Look at every listed image; returns the number of listed images by split."""
    tasks: list[Any] = []
    check: Callable[[Any], tuple[int, list[Fault]]] = _check_voc_image
    for split in SPLITS:
        try:
            if layout.name == "cityscapes":
                check = _check_city_image
                tasks += cityscapes.city_tasks(layout.folder, split)
            else:
                masks = layout.name.removeprefix("voc2012-")
                tasks += voc.voc_tasks(layout.folder, layout.sbd, masks=masks, split=split)
        except InputError as error:
            report.faults.append(
                Fault(kind="the image list cannot be used", where=str(error), mend=UNPACK)
            )
    for annotations, faults in _all(check, tasks, workers, progress):
        report.images += 1
        report.annotations += annotations
        report.faults += faults
    try:
        return listed_images(layout) or {}
    except InputError:  # told above
        return dict.fromkeys(SPLITS, 0)


def _check_voc_image(task: voc.VocTask) -> tuple[int, list[Fault]]:
    picture = task.voc / "JPEGImages" / f"{task.name}.jpg"
    return _check_conversion(partial(voc.convert_voc, task), picture)


def _check_city_image(task: cityscapes.CityTask) -> tuple[int, list[Fault]]:
    picture = task.images / f"{task.stem}{cityscapes.PICTURE}"
    return _check_conversion(partial(cityscapes.convert_city, task), picture)


def _check_conversion(convert: Callable[[], Any], picture: Path) -> tuple[int, list[Fault]]:
    """Whether an image's files convert, and its pixels can be read to the last one."""
    try:
        count = len(convert().annotations)
    except InputError as error:
        return 0, [Fault(kind="a file cannot be used", where=str(error), mend=UNPACK)]
    return count, _check_pixels(picture, None)


def _check_pixels(path: Path, size: tuple[int, int] | None) -> list[Fault]:
    """Decode an image; compare its size, width and height, if one is given."""
    try:
        with Image.open(path) as image:
            image.load()
            found = image_size_as_read(image)
    except FileNotFoundError:
        return [Fault(kind="an image is not there", where=str(path), mend=UNPACK)]
    except UnidentifiedImageError:
        return [Fault(kind="a file is no image", where=str(path), mend=UNPACK)]
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        text = f"{path} ({error})"
        return [Fault(kind="an image is damaged or cut short", where=text, mend=UNPACK)]
    if size is not None and found != size:
        text = f"{path}: {found[0]} × {found[1]}, annotated as {size[0]} × {size[1]}"
        mend = "take the images that the file was made for, or " + EXPORT
        return [Fault(kind="an image's size is not its annotations'", where=text, mend=mend)]
    return []


def _check_listed(task: tuple[Path, tuple[int, int]]) -> list[Fault]:
    return _check_pixels(*task)


def _check_split(
    report: Report, split: Split, workers: int | None, progress: Progress | None
) -> int:
    """Look at an annotation file and its images; returns how many it names."""
    path = split.annotations
    try:
        document = parse_annotations(read_bytes(path), str(path))
    except InputError as error:
        report.faults.append(
            Fault(kind="an annotation file cannot be used", where=str(error), mend=EXPORT)
        )
        return 0
    report.sha256[str(path)] = sha256_file(path)
    report.images += len(document["images"])
    report.annotations += len(document["annotations"])
    report.faults += _annotation_faults(document, path)
    tasks = [
        (split.images / image["file_name"], (image["width"], image["height"]))
        for image in document["images"]
        if _stays_inside(image["file_name"])
    ]
    for faults in _all(_check_listed, tasks, workers, progress):
        report.faults += faults
    _remark_unlisted(report, split, {image["file_name"] for image in document["images"]})
    return len(document["images"])


def _stays_inside(name: str) -> bool:
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def _remark_unlisted(report: Report, split: Split, listed: set[str]) -> None:
    if not split.images.is_dir():
        return
    others = [p.name for p in split.images.iterdir() if p.is_file() and p.name not in listed]
    if others:
        report.remarks.append(
            f"{len(others)} files in {split.images} that its annotations do not name"
        )


def _annotation_faults(document: Mapping[str, Any], path: Path) -> list[Fault]:
    sizes = {image["id"]: (image["width"], image["height"]) for image in document["images"]}
    faults = [
        Fault(
            kind="a file name leaves the images' folder",
            where=f"{path}: {image['file_name']!r}",
            mend=EXPORT,
        )
        for image in document["images"]
        if not _stays_inside(image["file_name"])
    ]
    for annotation in document["annotations"]:
        where = f"{path}: annotation {annotation['id']}"
        width, height = sizes[annotation["image_id"]]
        for kind in _kinds(annotation, width, height):
            faults.append(Fault(kind=kind, where=where, mend=EXPORT))
    return faults


def _kinds(annotation: Mapping[str, Any], width: int, height: int) -> list[str]:
    """What is wrong with an annotation of an image of that size."""
    kinds = []
    x, y, w, h = annotation["bbox"]
    if w <= 0 or h <= 0:
        kinds.append("a box has no area")
    if _outside(x, x + w, width) or _outside(y, y + h, height):
        kinds.append("a box reaches out of its image")
    mask = annotation.get("segmentation")
    if not mask:
        kinds.append("an annotation has no mask")
    elif isinstance(mask, dict):
        if list(mask.get("size", [])) != [height, width]:
            kinds.append("a mask is not of its image's size")
    elif any(_polygon_outside(points, width, height) for points in mask):
        kinds.append("a polygon reaches out of its image")
    return kinds


def _polygon_outside(points: Sequence[float], width: int, height: int) -> bool:
    across, down = points[0::2], points[1::2]
    return bool(
        points
        and (_outside(min(across), max(across), width) or _outside(min(down), max(down), height))
    )


def _outside(least: float, most: float, side: int) -> bool:
    return least < -_MARGIN or most > side + _MARGIN


def _all(
    check: Callable[[Any], Any],
    tasks: Sequence[Any],
    workers: int | None,
    progress: Progress | None,
) -> Iterable[Any]:
    def tell(done: int) -> None:
        if progress is not None:
            progress(done, len(tasks))

    return convert_all(check, tasks, workers=workers, progress=tell)
