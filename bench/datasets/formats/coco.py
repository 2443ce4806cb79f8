"""Annotation files of COCO's format: a suite's `train` and `eval`, or a folder in COCO's layout."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.datasets.check import check_split
from noisyseg.bench.datasets.check_report import Report
from noisyseg.bench.datasets.converted import Progress
from noisyseg.bench.datasets.data_format import DataOptions, Format
from noisyseg.bench.datasets.ready import Ready
from noisyseg.bench.datasets.shipped_files import placed_path
from noisyseg.bench.datasets.split import Split
from noisyseg.checked_values import file_name, integer, text
from noisyseg.errors import InputError
from noisyseg.located_yaml import Located, check_keys, located

_PARTS = ("train", "eval")
_PREFIX = "instances_"


@dataclass(kw_only=True, slots=True, frozen=True)
class CocoData:
    """A `DataSet` that a user has: nothing is to be made.

    Attributes:
        ready: what runs can use.
        parts: every annotation file, with its images.
    """

    folder: Path
    ready: Ready
    parts: Sequence[Split]

    def find(self) -> Ready:
        """What runs can use."""
        return self.ready

    def foresee(self) -> Ready:
        """What runs can use."""
        return self.ready

    def make(self, *, workers: int | None = None, progress: Progress | None = None) -> Ready:
        """What runs can use; nothing is made."""
        return self.ready

    def check(self, *, workers: int | None = None, progress: Progress | None = None) -> Report:
        """Look at every part; see `DataSet`."""
        return check_split(self.ready.name, self.parts, workers=workers, progress=progress)


def coco_folder(folder: Path, name: str) -> CocoData:
    """A folder in COCO's layout: annotations/instances_NAME.json, each with its images in NAME/.

    The parts whose names say `train` and `val` are what runs use, else the first and the last.

    Raises:
        InputError: no such file in it.
    """
    files = sorted((folder / "annotations").glob(f"{_PREFIX}*.json"))
    parts = [
        Split(annotations=path, images=folder / path.stem.removeprefix(_PREFIX)) for path in files
    ]
    if not parts:
        raise InputError(
            f"{folder}: wanted COCO's layout, annotations/instances_NAME.json beside NAME/; there "
            "is no such file. A single file can be named: data check FILE.json --images FOLDER."
        )
    train = next((part for part in parts if "train" in part.images.name), parts[0])
    evaluation = next((part for part in parts if "val" in part.images.name), parts[-1])
    ready = Ready(name=name, train=train, eval=evaluation, classes=None)
    return CocoData(folder=folder, ready=ready, parts=parts)


def coco_file(path: Path, images: Path | None, name: str) -> CocoData:
    """A single annotation file, which is to be checked.

    Raises:
        InputError: no folder of its images.
    """
    if images is None or not images.is_dir():
        raise InputError(f"where are the images of {path}? Say --images FOLDER.")
    part = Split(annotations=path, images=images)
    ready = Ready(name=name, train=part, eval=part, classes=None)
    return CocoData(folder=path.parent, ready=ready, parts=[part])


def _locate(section: Located, root: Path, options: DataOptions) -> CocoData:
    train, evaluation = (_split(section, part, root) for part in _PARTS)
    ready = Ready(name=file_name(section, "name"), train=train, eval=evaluation, classes=None)
    return CocoData(folder=root, ready=ready, parts=(train, evaluation))


def _split(raw: Located, split: str, root: Path) -> Split:
    section = located(raw[split], what=split, where=raw.where(split))
    check_keys(section, what=split, required=("annotations", "images"), optional=("limit",))
    paths = {
        key: placed_path(text(section, key), root, where=section.where(key))
        for key in ("annotations", "images")
    }
    if not paths["images"].is_dir():
        raise InputError(
            f"{section.where('images')}: no folder of images at {paths['images']}. Relative paths "
            "start from the suite file's folder, or from --data-root."
        )
    limit = integer(section, "limit", least=1) if section.get("limit") is not None else None
    return Split(annotations=paths["annotations"], images=paths["images"], limit=limit)


COCO = Format(
    name="coco", locate=_locate, required=("name", *_PARTS), optional=("classes", "images")
)
