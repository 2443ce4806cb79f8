"""What each `data` command does; `data_cli.py` says how it is called."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

from rich.console import Console
from rich.progress import Progress

from noisyseg.annotation_files.document import read_annotations
from noisyseg.bench.cli.data.data_text import (
    coco_section,
    counts_text,
    listing_lines,
    ready_lines,
    report_json,
    report_lines,
)
from noisyseg.bench.datasets.acquisition import Source, acquire, read_sources
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.bench.datasets.catalogue import VOC_MASKS
from noisyseg.bench.datasets.check import check_layout, check_prepared, check_split
from noisyseg.bench.datasets.check_report import Report
from noisyseg.bench.datasets.known import NAMES, find_ready, locate, make_ready
from noisyseg.bench.datasets.prepared_folder import Ready
from noisyseg.bench.datasets.shapes import ShapesSettings, generate_shapes
from noisyseg.bench.datasets.split import Split
from noisyseg.errors import InputError, unknown_name
from noisyseg.foreign_files import describe_foreign

DONE, PROBLEMS = 0, 1
_HEAD = 1 << 20  # bytes of a file that tell what it is
SHAPES = "shapes"
DEFAULT_MASKS = "box"
_CITYSCAPES_ACCOUNT = (
    "Cityscapes cannot be downloaded without an account: register at "
    "https://www.cityscapes-dataset.com/, accept the licence, download "
    "leftImg8bit_trainvaltest.zip (11 GB) and gtFine_trainvaltest.zip (241 MB), and unpack both "
    "into {folder}, so that {folder}/leftImg8bit and {folder}/gtFine are there."
)


def listing(arguments: argparse.Namespace) -> int:
    """Say which data sets are ready, which are there but not prepared, and what others want."""
    rows = [_shapes_row(arguments)]
    for name in NAMES:
        for masks in VOC_MASKS if name == "voc2012" else (None,):
            rows.append(_row(name, masks, _root(arguments)))
    if arguments.json:
        _print(json.dumps(rows, indent=2))
        return DONE
    for row in rows:
        _print("\n".join(listing_lines(row)))
    return DONE


def _shapes_row(arguments: argparse.Namespace) -> dict[str, str]:
    """Of the built-in data set, which wants no preparation: a run makes it in seconds."""
    folder = _shapes_folder(arguments)
    if folder.is_dir():
        return _state(SHAPES, "ready", str(folder))
    return _state(SHAPES, "not prepared", "built in: a run makes it")


def _state(name: str, state: str, detail: str, command: str = "") -> dict[str, str]:
    return {"name": name, "state": state, "detail": detail, "command": command}


def _row(name: str, masks: str | None, root: Path) -> dict[str, str]:
    label = name if masks is None else f"{name}-{masks}"
    chosen = masks or DEFAULT_MASKS
    option = "" if masks is None else f" --masks {masks}"
    try:
        layout = locate(name, root=root, masks=chosen)
    except InputError as error:
        command = f"noisyseg data download {name} --root {quote(str(root))}{option}"
        return _state(label, "not there", str(error), command)
    ready = find_ready(name, root=root, cache=cache_folder(), masks=chosen)
    if ready is None:
        command = f"noisyseg data prepare {name} --root {quote(str(root))}{option}"
        return _state(label, "not prepared", str(layout.folder), command)
    return _state(ready.name, "ready", counts_text(ready))


def prepare(arguments: argparse.Namespace) -> int:
    """Convert a data set, or check that it needs no conversion, and say where it is."""
    name, path = arguments.name, Path(arguments.name)
    masks = _masks(arguments)
    if name not in (*NAMES, SHAPES):
        return _prepare_folder(arguments, path)
    if name == SHAPES:
        ready = _make_shapes(arguments)
    else:
        with _bar(f"preparing {name}") as progress:
            ready = make_ready(
                name,
                root=_root(arguments),
                out=arguments.out,
                cache=cache_folder(),
                masks=masks,
                allow_partial=arguments.allow_partial,
                workers=arguments.workers,
                progress=progress,
            )
    if arguments.json:
        _print(json.dumps(ready.as_json(), indent=2))
        return DONE
    _print("\n".join(ready_lines(ready)))
    if arguments.out is not None and name != SHAPES:
        _print(coco_section(ready.name, ready.train, ready.eval))  # a run would not look there
    else:
        option = f", masks: {masks}" if name == "voc2012" else ""
        _print(f"in a suite:\n  data: {{format: {name}{option}}}")
        if name != SHAPES or arguments.root is not None:
            partial = " --allow-partial" if ready.name.endswith("-partial") else ""
            _print(f"and on its command line: --data-root {_root(arguments)}{partial}")
    return DONE


def _prepare_folder(arguments: argparse.Namespace, folder: Path) -> int:
    """A folder in COCO's layout needs nothing but to be whole."""
    if arguments.out is not None:
        raise InputError(f"--out: {folder} is not converted, so that nothing would be there.")
    status = check(arguments)
    if status == DONE and folder.is_dir() and not arguments.json:
        splits = _folder_splits(folder)
        of_name = {split.images.name: split for split in splits}
        first, last = splits[0], splits[-1]
        train = next((of_name[name] for name in of_name if "train" in name), first)
        evaluation = next((of_name[name] for name in of_name if "val" in name), last)
        _print(coco_section(folder.resolve().name, train, evaluation))
    return status


def _make_shapes(arguments: argparse.Namespace) -> Ready:
    generate_shapes(_shapes_folder(arguments).parent, ShapesSettings())
    train, evaluation = _folder_splits(_shapes_folder(arguments))
    counts = {}
    for split in (train, evaluation):
        document = read_annotations(split.annotations)
        counts[split.images.name] = {key: len(document[key]) for key in ("images", "annotations")}
    return Ready(name=SHAPES, train=train, eval=evaluation, classes=None, counts=counts)


def _shapes_folder(arguments: argparse.Namespace) -> Path:
    """Where a run with the same --data-root has it."""
    return (arguments.root or cache_folder()) / ShapesSettings().folder_name


def check(arguments: argparse.Namespace) -> int:
    """Look at every file of a data set; 1 where something is to be mended."""
    with _bar(f"checking {arguments.name}") as progress:
        report = _check(arguments, progress)
    if arguments.json:
        _print(json.dumps(report_json(report), indent=2))
    else:
        _print("\n".join(report_lines(report)))
    return PROBLEMS if report.faults else DONE


def _check(arguments: argparse.Namespace, progress: Callable[[int, int], None]) -> Report:
    settings: dict[str, Any] = {"workers": arguments.workers, "progress": progress}
    name, path = arguments.name, Path(arguments.name)
    masks = _masks(arguments)
    if name in NAMES:
        root = _root(arguments)
        layout = locate(name, root=root, masks=masks)
        report = check_layout(layout, allow_partial=arguments.allow_partial, **settings)
        check_prepared(report, layout, root=root, cache=cache_folder())
        return report
    if name == SHAPES:
        path = _shapes_folder(arguments)
        if not path.is_dir():
            raise InputError(f"no folder {path}: noisyseg data prepare shapes makes it.")
    if path.suffix == ".json":
        images = getattr(arguments, "images", None)
        if images is None or not images.is_dir():
            raise InputError(f"where are the images of {path}? Say --images FOLDER.")
        return check_split(name, [Split(annotations=path, images=images)], **settings)
    if path.is_dir():
        return check_split(name, _folder_splits(path), **settings)
    if path.is_file():
        with path.open("rb") as file:
            found = describe_foreign(file.read(_HEAD), str(path))
        raise InputError(f"{path}: no COCO annotation file; {found or 'wanted a .json file.'}")
    raise unknown_name("data set, folder or .json file", name, (*NAMES, SHAPES))


def _root(arguments: argparse.Namespace) -> Path:
    return arguments.root or Path()


def _masks(arguments: argparse.Namespace) -> str:
    """VOC's mask source; only VOC has several."""
    if arguments.masks is not None and arguments.name != "voc2012":
        raise InputError(f"--masks chooses VOC's masks; this is {arguments.name}.")
    return arguments.masks or DEFAULT_MASKS


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
        raise InputError(_CITYSCAPES_ACCOUNT.format(folder=_root(arguments) / "cityscapes"))
    for source in _chosen_sources(arguments):
        with _bar(f"downloading {source.name}") as progress:
            acquire(
                source,
                _root(arguments),
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
    if _masks(arguments) == "sbd":
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
