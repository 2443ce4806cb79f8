"""The raw files of VOC, Cityscapes or COCO turned into a prepared folder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from noisyseg.bench.datasets import cityscapes, voc
from noisyseg.bench.datasets.coco_folder import check_coco_split, coco_splits
from noisyseg.bench.datasets.converted import (
    ConvertedImage,
    Progress,
    Tally,
    coco_blocks,
    convert_all,
)
from noisyseg.bench.datasets.layout import SPLITS, Layout
from noisyseg.bench.datasets.prepared_folder import Note, annotation_file, withdraw_note, write_note
from noisyseg.files import write_blocks_atomically

# Raised whenever a converted file could change.
VERSION = 1


def raw_state(layout: Layout, split: str) -> str:
    """What tells, without reading them, whether the raw files of VOC or Cityscapes are the same.

    Returns:
        A line a file in the order of the images: its path, size, and time of its last change.
    """
    paths = (path for task in _tasks(layout, split) for path in task.files())
    return "\n".join(_state(path) for path in paths)


def _state(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:  # the conversion will say so
        return f"{path.name} cannot be read"
    return f"{path.name} {found.st_size} {found.st_mtime_ns}"


def convert(
    layout: Layout,
    folder: Path,
    made_from: Mapping[str, Any],
    *,
    workers: int | None,
    progress: Progress | None,
) -> Note:
    """Fill a prepared folder; its note is withdrawn first and written last.

    Args:
        layout: the raw files.
        folder: to be filled.
        made_from: what decides the files, for the note.
        workers: processes; None for one a core.
        progress: told images done and images in all.
    Raises:
        InputError: absent or damaged raw files, a folder that cannot be written to.
    """
    if layout.name == "coco2017":
        return _check_coco(layout, folder, made_from, progress)
    convert_image: Callable[[Any], ConvertedImage] = voc.convert_voc
    categories = voc.CATEGORIES
    if layout.name == "cityscapes":
        convert_image, categories = cityscapes.convert_city, cityscapes.CATEGORIES
    tasks = {split: _tasks(layout, split) for split in SPLITS}
    total, done = sum(map(len, tasks.values())), 0

    def tell(before: int, number: int) -> None:
        if progress is not None:
            progress(before + number, total)

    withdraw_note(folder)
    counts, notes = {}, []
    for split, of_split in tasks.items():
        images: Iterator[ConvertedImage] = convert_all(
            convert_image, of_split, workers=workers, progress=partial(tell, done)
        )
        info = f"{layout.name} {split}, converted by noisyseg, version {VERSION}"
        tally = Tally()
        blocks = coco_blocks(images, categories=categories, info=info, tally=tally)
        write_blocks_atomically(annotation_file(folder, split), blocks)
        counts[split] = tally.counts()
        notes += [f"{split}: {note}" for note in tally.notes()]
        done += len(of_split)
    files = [annotation_file(Path(), split).as_posix() for split in SPLITS]
    return write_note(folder, made_from=made_from, files=files, counts=counts, notes=notes)


def _tasks(layout: Layout, split: str) -> Sequence[Any]:
    if layout.name == "cityscapes":
        return cityscapes.city_tasks(layout.folder, split)
    return _voc_tasks(layout, split)


def _voc_tasks(layout: Layout, split: str) -> list[voc.VocTask]:
    masks = layout.name.removeprefix("voc2012-")
    return voc.voc_tasks(layout.folder, layout.sbd, masks=masks, split=split)


def _check_coco(
    layout: Layout,
    folder: Path,
    made_from: Mapping[str, Any],
    progress: Progress | None,
) -> Note:
    """COCO needs no conversion: the note says that its files were found whole."""
    counts = {}
    for number, (name, split) in enumerate(coco_splits(layout.folder).items(), start=1):
        counts[name] = check_coco_split(split)
        if progress is not None:
            progress(number, len(SPLITS))
    return write_note(folder, made_from=made_from, files=[], counts=counts, notes=[])
