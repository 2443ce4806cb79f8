"""Is a data set whole and readable? Every file is looked at; all that is wrong is gathered."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from noisyseg.annotation_files.document import read_bytes
from noisyseg.annotation_files.findings import EXPORT, Finding, Level, grouped
from noisyseg.annotation_files.identities import file_name
from noisyseg.bench.datasets import cityscapes, voc
from noisyseg.bench.datasets.annotation_check import (
    annotation_findings,
    stays_inside,
    usable_part,
)
from noisyseg.bench.datasets.catalogue import KNOWN
from noisyseg.bench.datasets.check_report import UNPACK, Fault, Report
from noisyseg.bench.datasets.coco_folder import coco_splits
from noisyseg.bench.datasets.converted import Progress, convert_all
from noisyseg.bench.datasets.image_check import Looked, look_at_pixels
from noisyseg.bench.datasets.image_files import black_warning
from noisyseg.bench.datasets.known import (
    SPLITS,
    Layout,
    find_layout,
    listed_images,
    official_counts,
    prepared_folders,
)
from noisyseg.bench.datasets.prepared_folder import NOTE
from noisyseg.bench.datasets.split import Split
from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes

_LIST = "the image list cannot be used"


def check_layout(
    layout: Layout,
    *,
    allow_partial: bool,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Check the raw files of VOC, Cityscapes or COCO.

    Args:
        layout: where they lie.
        allow_partial: whether a number of images that is not the official one is a mere remark.
        workers: processes; None for one a core.
        progress: told images done and images in all.
    """
    report = Report(name=layout.name)
    if layout.name == "coco2017":
        classes = KNOWN["coco2017"].classes
        counts: Mapping[str, int] = {
            name: _check_split(report, split, workers, progress, classes=classes)
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


def check_prepared(report: Report, layout: Layout, *, root: Path, cache: Path) -> None:
    """Add whether what was converted, if anything was, is whole and of these raw files."""
    ready = find_layout(layout, root=root, cache=cache)
    if ready is not None:
        report.remarks.append(f"prepared, and whole: {ready.train.annotations.parent}")
        return
    for folder in prepared_folders(layout, root=root, cache=cache):
        if (folder / NOTE).is_file():
            report.faults.append(
                Fault(
                    kind="converted files are damaged, or of other raw files",
                    where=str(folder),
                    mend="noisyseg data prepare makes them again (so does run)",
                )
            )


def _check_counts(
    report: Report, layout: Layout, found: Mapping[str, int], *, allow_partial: bool
) -> None:
    for split, official in official_counts(layout).items():
        if found.get(split, official) == official:  # a list that cannot be read is told already
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
) -> Mapping[str, int]:
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
            report.faults.append(Fault(kind=_LIST, where=str(error), mend=UNPACK))
    for annotations, faults in _all(check, tasks, workers, progress):
        report.images += 1
        report.annotations += annotations
        report.faults += faults
    try:
        return listed_images(layout) or {}
    except InputError as error:
        told = any(str(error) == fault.where for fault in report.faults)
        if not told:
            report.faults.append(Fault(kind=_LIST, where=str(error), mend=UNPACK))
        return {}


def _check_voc_image(task: voc.VocTask) -> tuple[int, list[Fault]]:
    picture = task.voc / "JPEGImages" / f"{task.name}.jpg"
    return _check_conversion(partial(voc.convert_voc, task), picture)


def _check_city_image(task: cityscapes.CityTask) -> tuple[int, list[Fault]]:
    picture = task.images / f"{task.stem}{cityscapes.PICTURE}"
    return _check_conversion(partial(cityscapes.convert_city, task), picture)


def _check_conversion(convert: Callable[[], Any], picture: Path) -> tuple[int, list[Fault]]:
    """Whether an image's pixels can be read to the last one, and its other files convert."""
    faults = look_at_pixels(picture, None).faults
    count = 0
    try:
        count = len(convert().annotations)
    except InputError as error:
        if not faults:  # else the conversion stopped at the picture, too
            faults = [Fault(kind="a file cannot be used", where=str(error), mend=UNPACK)]
    return count, faults


def _check_listed(task: tuple[Path, tuple[int, int]]) -> Looked:
    return look_at_pixels(*task)


def _check_split(
    report: Report,
    split: Split,
    workers: int | None,
    progress: Progress | None,
    *,
    classes: int | None = None,
) -> int:
    """Look at an annotation file and its images; returns the number of images that it names."""
    path = split.annotations
    try:
        data = read_bytes(path)
    except InputError as error:
        report.faults.append(
            Fault(kind="an annotation file cannot be used", where=str(error), mend=EXPORT)
        )
        return 0
    report.sha256[str(path)] = sha256_bytes(data)
    document, faults = usable_part(data, path)
    if document is None:
        report.faults += faults
        return 0
    report.images += len(document["images"])
    report.annotations += len(document["annotations"])
    report.faults += faults
    _add_findings(report, annotation_findings(document), path)
    if classes not in (None, len(document["categories"])):
        text = f"{path} has {len(document['categories'])}, {report.name} {classes}"
        report.faults.append(Fault(kind="the classes are not its own", where=text, mend=UNPACK))
    tasks = [
        (split.images / file_name(image), (image["width"], image["height"]))
        for image in document["images"]
        if stays_inside(file_name(image))
    ]
    looked = list(_all(_check_listed, tasks, workers, progress))
    report.faults += [fault for one in looked for fault in one.faults]
    _remark_black(report, split, [path.name for path, _ in tasks], looked)
    _warn_of_copies(report, [path for path, _ in tasks], looked)
    _remark_unlisted(report, split, set(map(file_name, document["images"])))
    return len(document["images"])


def _remark_black(
    report: Report, split: Split, names: Sequence[str], looked: Sequence[Looked]
) -> None:
    black = [
        (name, one.brightest)
        for name, one in zip(names, looked, strict=True)
        if one.brightest is not None
    ]
    if black:
        deep = sum(one.deep for one in looked)
        report.remarks.append(black_warning(black, deep, split.images))


def _warn_of_copies(report: Report, paths: Sequence[Path], looked: Sequence[Looked]) -> None:
    """Images of an earlier part, byte for byte: what is trained on must not be evaluated on."""
    files = {
        one.sha256: path for path, one in zip(paths, looked, strict=True) if one.sha256 is not None
    }
    copies = [(path, report.contents[key]) for key, path in files.items() if key in report.contents]
    if copies:
        path, other = copies[0]
        report.warnings.append(
            f"{len(copies)} of {len(paths)} images are those of another part, byte for byte: "
            f"{path} is {other}. Split the images anew, or AP will say nothing of new ones."
        )
    report.contents.update(files)


def _add_findings(report: Report, findings: Iterable[Finding], path: Path) -> None:
    known = []
    for finding in findings:
        if finding.level is Level.WARNING:
            known.append(finding)
        else:
            where = f"{path}: {finding.where}" if finding.where else str(path)
            report.faults.append(
                Fault(kind=finding.kind, where=where, mend=finding.mend, count=finding.count)
            )
    report.warnings += [f"{path}: {line}" for line in grouped(known)]


def _remark_unlisted(report: Report, split: Split, listed: set[str]) -> None:
    if not split.images.is_dir():
        return
    others = sorted(
        entry.name
        for entry in split.images.iterdir()
        if entry.is_file() and entry.name not in listed
    )
    if others:
        more = ", …" * (len(others) > 1)
        report.remarks.append(
            f"{len(others)} files in {split.images} that its annotations do not name: "
            f"{others[0]}{more}"
        )


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
