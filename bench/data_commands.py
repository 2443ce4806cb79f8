"""What each `data` command does; `data_cli.py` says how it is called."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from noisyseg.bench.cache import cache_folder
from noisyseg.bench.datasets.acquisition import Source, acquire, read_sources
from noisyseg.bench.datasets.catalogue import VOC_MASKS
from noisyseg.bench.datasets.check import check_layout, check_prepared, check_split
from noisyseg.bench.datasets.check_report import Report
from noisyseg.bench.datasets.known import NAMES, find_ready, locate, make_ready
from noisyseg.bench.datasets.prepared_folder import Ready
from noisyseg.bench.datasets.shapes import ShapesSettings, annotation_file, generate_shapes
from noisyseg.bench.datasets.split import Split
from noisyseg.errors import InputError, unknown_name

DONE, PROBLEMS = 0, 1
_CITYSCAPES_ACCOUNT = (
    "Cityscapes cannot be downloaded without an account: register at "
    "https://www.cityscapes-dataset.com/, accept the licence, download "
    "leftImg8bit_trainvaltest.zip (11 GB) and gtFine_trainvaltest.zip (241 MB), and unpack both "
    "into {folder}, so that {folder}/leftImg8bit and {folder}/gtFine are there."
)


def listing(arguments: argparse.Namespace) -> int:
    """Say which data sets are ready, which are there but not prepared, and what others want."""
    rows = [{"name": "shapes", "state": "ready", "detail": "built in; made when it is used"}]
    for name in NAMES:
        for masks in VOC_MASKS if name == "voc2012" else (None,):
            rows.append(_row(name, masks, arguments.root))
    if arguments.json:
        _print(json.dumps(rows, indent=2))
        return DONE
    for row in rows:
        _print(f"{row['name']:12}  {row['state']:13}  {row['detail']}")
    return DONE


def _row(name: str, masks: str | None, root: Path) -> dict[str, str]:
    label = name if masks is None else f"{name}-{masks}"
    chosen = masks or "box"
    try:
        layout = locate(name, root=root, masks=chosen)
    except InputError as error:
        return {"name": label, "state": "not there", "detail": str(error)}
    ready = find_ready(name, root=root, cache=cache_folder(), masks=chosen)
    if ready is None:
        option = "" if masks is None else f" --masks {masks}"
        detail = f"{layout.folder}; noisyseg data prepare {name} --root {root}{option}"
        return {"name": label, "state": "not prepared", "detail": detail}
    return {"name": ready.name, "state": "ready", "detail": _counts(ready)}


def prepare(arguments: argparse.Namespace) -> int:
    """Convert a data set, or check that it needs no conversion, and say where it is."""
    if arguments.name == "shapes":
        ready = _shapes(arguments.root)
    elif arguments.name in NAMES:
        with _bar(f"preparing {arguments.name}") as progress:
            ready = make_ready(
                arguments.name,
                root=arguments.root,
                out=arguments.out,
                cache=cache_folder(),
                masks=arguments.masks,
                allow_partial=arguments.allow_partial,
                workers=arguments.workers,
                progress=progress,
            )
    else:
        return check(arguments)  # a folder in COCO format needs nothing but to be whole
    if arguments.json:
        _print(json.dumps(ready.as_json(), indent=2))
        return DONE
    _print(f"{ready.name}: ready: {_counts(ready)}")
    for kind, split in (("train", ready.train), ("eval", ready.eval)):
        _print(f"  {kind}: {split.annotations}, images in {split.images}")
    for note in ready.notes:
        _print(f"  note: {note}")
    return DONE


def _shapes(root: Path) -> Ready:
    folder = generate_shapes(root, ShapesSettings())
    splits = {
        name: Split(annotations=annotation_file(folder, name), images=folder / name)
        for name in ("train", "val")
    }
    counts = {}
    for name, split in splits.items():
        document = json.loads(split.annotations.read_bytes())
        counts[name] = {key: len(document[key]) for key in ("images", "annotations")}
    return Ready(
        name="shapes", train=splits["train"], eval=splits["val"], classes=None, counts=counts
    )


def _counts(ready: Ready) -> str:
    return ", ".join(
        f"{split} {count['images']} images, {count['annotations']} annotations"
        for split, count in ready.counts.items()
    )


def check(arguments: argparse.Namespace) -> int:
    """Look at every file of a data set; 1 where something is to be mended."""
    with _bar(f"checking {arguments.name}") as progress:
        report = _check(arguments, progress)
    groups = report.groups()
    if arguments.json:
        found = {key: getattr(report, key) for key in ("name", "images", "annotations", "sha256")}
        _print(json.dumps({**found, "problems": groups, "remarks": report.remarks}, indent=2))
        return PROBLEMS if groups else DONE
    _print(f"{report.name}: {report.images} images, {report.annotations} annotations looked at")
    for path, digest in report.sha256.items():
        _print(f"  SHA-256 {digest}  {path}")
    for remark in report.remarks:
        _print(f"  remark: {remark}")
    for group in groups:
        more = "; …" if group["count"] > len(group["first"]) else ""
        _print(f"  PROBLEM, {group['count']} ×: {group['kind']}: {'; '.join(group['first'])}{more}")
        _print(f"    mend: {group['mend']}")
    _print("nothing to mend" if not groups else f"{len(report.faults)} problems")
    return PROBLEMS if groups else DONE


def _check(arguments: argparse.Namespace, progress: Callable[[int, int], None]) -> Report:
    settings: dict[str, Any] = {"workers": arguments.workers, "progress": progress}
    name, path = arguments.name, Path(arguments.name)
    if name in NAMES:
        layout = locate(name, root=arguments.root, masks=arguments.masks)
        report = check_layout(layout, allow_partial=arguments.allow_partial, **settings)
        check_prepared(report, layout, root=arguments.root, cache=cache_folder())
        return report
    if name == "shapes":
        ready = _shapes(arguments.root)
        return check_split(name, [ready.train, ready.eval], **settings)
    if path.suffix == ".json":
        images = getattr(arguments, "images", None)
        if images is None:
            raise InputError(f"where are the images of {path}? Say --images FOLDER.")
        return check_split(name, [Split(annotations=path, images=images)], **settings)
    if path.is_dir():
        return check_split(name, _folder_splits(path), **settings)
    raise unknown_name("data set, folder or .json file", name, (*NAMES, "shapes"))


def _folder_splits(folder: Path) -> list[Split]:
    """Each annotations/instances_NAME.json with its images in NAME/."""
    prefix = "instances_"
    files = sorted((folder / "annotations").glob(f"{prefix}*.json"))
    splits = [
        Split(annotations=path, images=folder / path.stem.removeprefix(prefix)) for path in files
    ]
    if not splits:
        raise InputError(
            f"{folder}: wanted COCO's layout, annotations/instances_NAME.json beside NAME/; there "
            "is no such file. A single file can be named: data check FILE.json --images FOLDER."
        )
    return splits


def download(arguments: argparse.Namespace) -> int:
    """Fetch a data set's archives and unpack them; what is there already is left alone."""
    if arguments.name == "cityscapes":
        raise InputError(_CITYSCAPES_ACCOUNT.format(folder=arguments.root / "cityscapes"))
    for source in _chosen_sources(arguments):
        with _bar(f"downloading {source.name}") as progress:
            acquire(
                source,
                arguments.root,
                mirror=arguments.mirror,
                keep=arguments.keep_archives,
                progress=progress,
                say=_say,
            )
    return DONE


def _chosen_sources(arguments: argparse.Namespace) -> list[Source]:
    """The data set's archives that the command line names."""
    every = read_sources()
    if arguments.name not in every:
        raise unknown_name("data set to download", arguments.name, [*every, "cityscapes"])
    sources = every[arguments.name]
    if arguments.masks == "sbd" and arguments.name == "voc2012":
        sources = sources + every["sbd"]
    parts = arguments.part or [source.part for source in sources if not source.optional]
    known = dict.fromkeys(source.part for source in sources)
    for part in parts:
        if part not in known:
            raise unknown_name(f"part of {arguments.name}", part, known)
    return [source for source in sources if source.part in parts]


@contextmanager
def _bar(text: str) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on standard error, if that is a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(text, total=None)

        def tell(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        yield tell


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
