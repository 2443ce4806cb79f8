"""VOC 2012, COCO 2017 and Cityscapes, from the official archives to what runs can use."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from noisyseg.bench.datasets import cityscapes, voc
from noisyseg.bench.datasets.catalogue import CITYSCAPES_CLASSES, KNOWN, SBD_LISTS, VOC_CLASSES
from noisyseg.bench.datasets.coco_folder import coco_splits
from noisyseg.bench.datasets.conversion import VERSION, convert, raw_state
from noisyseg.bench.datasets.converted import Progress
from noisyseg.bench.datasets.layout import NAMES, SPLITS, Layout, listed_names, locate
from noisyseg.bench.datasets.prepared_folder import (
    Note,
    Ready,
    annotation_file,
    read_note,
    writable,
)
from noisyseg.bench.datasets.split import Split
from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes, sha256_file

__all__ = [
    "NAMES",
    "SPLITS",
    "Layout",
    "find_layout",
    "find_ready",
    "listed_images",
    "locate",
    "make_ready",
    "official_counts",
    "prepared_folders",
]


def make_ready(
    name: str,
    *,
    root: Path,
    out: Path | None = None,
    cache: Path,
    masks: str = "box",
    allow_partial: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Ready:
    """The data set in COCO format, converted unless a whole conversion is there.

    Args:
        name: one of NAMES.
        root: the folder that holds the data set's, or that folder itself.
        out: folder of the converted files; by default noisyseg/ in root, or in the cache where
            root cannot be written to.
        cache: see out.
        masks: VOC's source of masks.
        allow_partial: whether other numbers of images than the official ones will do.
        workers: processes; None for one a core.
        progress: told images done and images in all.
    Raises:
        InputError: absent or damaged raw files, a number of images that is not the official one,
            no folder to write to.
    """
    layout = locate(name, root=root, masks=masks)
    listed = listed_images(layout)
    _check_official(layout, listed, allow_partial=allow_partial)
    made_from = _made_from(layout)
    folders = prepared_folders(layout, root=root, out=out, cache=cache)
    for folder in folders:
        note = read_note(folder, made_from)
        if note is not None:
            break
    else:
        folder = next((folder for folder in folders if writable(folder)), folders[0])
        note = convert(layout, folder, made_from, workers=workers, progress=progress)
    listed = listed or {split: note.counts[split]["images"] for split in SPLITS}
    _check_official(layout, listed, allow_partial=allow_partial)  # COCO's numbers are known now
    return _ready(layout, folder, note, listed)


def find_ready(
    name: str, *, root: Path, out: Path | None = None, cache: Path, masks: str = "box"
) -> Ready | None:
    """The data set as `make_ready` left it; None if it did not, or something has changed since."""
    try:
        layout = locate(name, root=root, masks=masks)
    except InputError:
        return None
    return find_layout(layout, root=root, out=out, cache=cache)


def find_layout(
    layout: Layout, *, root: Path, out: Path | None = None, cache: Path
) -> Ready | None:
    """As `find_ready`, of raw files that have been located."""
    try:
        listed = listed_images(layout)
        made_from = _made_from(layout)
    except InputError:
        return None
    for folder in prepared_folders(layout, root=root, out=out, cache=cache):
        note = read_note(folder, made_from)
        if note is not None:
            return _ready(layout, folder, note, listed)
    return None


def prepared_folders(
    layout: Layout, *, root: Path, out: Path | None = None, cache: Path
) -> list[Path]:
    """Where the converted files may lie, the best place first."""
    if out is not None:
        return [out]
    place = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:8]
    return [root / "noisyseg" / layout.name, cache / "prepared" / f"{layout.name}-{place}"]


def listed_images(layout: Layout) -> dict[str, int] | None:
    """The number of images that the lists or folders hold; None for COCO, whose files say it."""
    if layout.name == "coco2017":
        return None
    if layout.name == "cityscapes":
        return {split: len(cityscapes.city_tasks(layout.folder, split)) for split in SPLITS}
    masks = layout.name.removeprefix("voc2012-")
    paths = {split: voc.list_file(layout.folder, masks, split) for split in SPLITS}
    if layout.sbd is not None:
        paths |= {f"SBD's {split}": layout.sbd / f"{split}.txt" for split in SPLITS}
    names = {name: listed_names(path) for name, path in paths.items()}
    shared = set(names["train"]) & set(names["val"])
    if shared:
        raise InputError(
            f"{paths['val']} names {len(shared)} images of {paths['train']}, too ({min(shared)}): "
            "what is trained on must not be evaluated on."
        )
    return {name: len(listed) for name, listed in names.items()}


def official_counts(layout: Layout) -> dict[str, int]:
    """The official length of each list: the images of train and val, and SBD's own lists."""
    if layout.name == "voc2012-sbd":
        own = {f"SBD's {split}": SBD_LISTS[split] for split in SPLITS}
        return {**_images("voc2012-box"), **own}
    return _images(layout.name)


def _images(name: str) -> dict[str, int]:
    official = KNOWN[name].images
    assert official is not None
    return official


def _check_official(
    layout: Layout, found: Mapping[str, int] | None, *, allow_partial: bool
) -> None:
    if found is None or allow_partial or found == official_counts(layout):
        return
    official = official_counts(layout)
    split = next(name for name in official if found[name] != official[name])
    raise InputError(
        f"{layout.name}: {split} has {found[split]} images in {layout.folder}, officially "
        f"{official[split]}: unpack the archives again, or go on with "
        f"--allow-partial; records then say {layout.name}-partial."
    )


def _made_from(layout: Layout) -> dict[str, Any]:
    """What decides the converted files, as far as it can be told in a moment."""
    return {"converter": VERSION, "name": layout.name, "raw_sha256": _fingerprint(layout)}


def _fingerprint(layout: Layout) -> str:
    if layout.name == "coco2017":
        splits = coco_splits(layout.folder).values()
        try:
            content = "\n".join(sha256_file(split.annotations) for split in splits)
        except OSError as error:
            raise InputError(f"cannot read {error.filename}: {error.strerror}.") from error
    else:
        # Each split under its name: an image may move from one to the other.
        content = "\n".join(f"{split}\n{raw_state(layout, split)}" for split in SPLITS)
    return sha256_bytes(content.encode())


def _ready(layout: Layout, folder: Path, note: Note, listed: Mapping[str, int] | None) -> Ready:
    images = listed or {split: note.counts[split]["images"] for split in SPLITS}
    whole = images == official_counts(layout)
    return Ready(
        name=layout.name if whole else f"{layout.name}-partial",
        train=_split(layout, folder, "train"),
        eval=_split(layout, folder, "val"),
        classes=_classes(layout),
        counts=note.counts,
        notes=note.notes,
    )


def _classes(layout: Layout) -> list[str] | None:
    if layout.name == "coco2017":
        return None
    return list(CITYSCAPES_CLASSES if layout.name == "cityscapes" else VOC_CLASSES)


def _split(layout: Layout, folder: Path, split: str) -> Split:
    if layout.name == "coco2017":
        return coco_splits(layout.folder)[split]
    images = layout.folder / "JPEGImages"
    if layout.name == "cityscapes":
        images = layout.folder / "leftImg8bit" / split
    return Split(annotations=annotation_file(folder, split), images=images)
