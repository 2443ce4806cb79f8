"""Are annotation files and their images whole and readable? All that is wrong is gathered."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from noisyseg.annotation_files.document import read_bytes
from noisyseg.annotation_files.findings import EXPORT, Finding, Level, grouped
from noisyseg.annotation_files.identities import file_name
from noisyseg.bench.datasets.annotation_check import (
    annotation_findings,
    stays_inside,
    usable_part,
)
from noisyseg.bench.datasets.check_report import UNPACK, Fault, Report
from noisyseg.bench.datasets.converted import Progress, convert_all, told_of
from noisyseg.bench.datasets.image_check import Looked, look_at_pixels
from noisyseg.bench.datasets.image_files import black_warning
from noisyseg.bench.datasets.split import Split
from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes


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
        add_split(report, split, workers, progress)
    return report


def _check_listed(task: tuple[Path, tuple[int, int]]) -> Looked:
    return look_at_pixels(*task)


def add_split(
    report: Report,
    split: Split,
    workers: int | None,
    progress: Progress | None,
    *,
    classes: int | None = None,
) -> int:
    """Look at an annotation file and its images; returns the number of images that it names.

    Args:
        report: gets what is found.
        split: the file and the folder of its images.
        workers: processes; None for one a core.
        progress: told images done and images in all.
        classes: how many it should have; None where any number will do.
    """
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
    told = told_of(progress, len(tasks))
    looked = list(convert_all(_check_listed, tasks, workers=workers, progress=told))
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
