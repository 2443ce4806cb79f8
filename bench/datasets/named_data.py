"""The data that a `data` command's NAME means."""

from pathlib import Path

from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.bench.datasets.data_format import DataOptions, DataSet, Format
from noisyseg.bench.datasets.formats.coco import COCO, CocoData, coco_file, coco_folder
from noisyseg.bench.datasets.formats.registry import named_formats, refuse_masks
from noisyseg.errors import InputError, unknown_name
from noisyseg.foreign_files import describe_foreign
from noisyseg.located_yaml import Located

_HEAD = 1 << 20  # bytes of a file that tell what it is


def named_format(name: str) -> Format | None:
    """The format whose data set has that name; None if it is a file or a folder."""
    return next((known for known in named_formats() if known.name == name), None)


def root_of(known: Format, root: Path | None) -> Path:
    """Where a data set is looked for: a run with the same --data-root looks there, too."""
    return root or (cache_folder() if known.built_in else Path())


def named_data(known: Format, root: Path | None, options: DataOptions) -> DataSet:
    """The data set of a format, located.

    Raises:
        InputError: it is not there, or has no source of masks to choose.
    """
    refuse_masks(known, options, f"this is {known.name}")
    root = root_of(known, root)
    return known.locate(Located({}, file=root, places={}), root, options)


def own_data(name: str, images: Path | None, options: DataOptions) -> CocoData:
    """A folder in COCO's layout, or an annotation file.

    Args:
        name: its path.
        images: the folder of a file's images.
        options: of the command line.
    Raises:
        InputError: there is nothing that can be used; says what it is instead.
    """
    path = Path(name)
    refuse_masks(COCO, options, f"this is {name}")
    if path.suffix == ".json":
        return coco_file(path, images, name)
    if path.is_dir():
        return coco_folder(path, name)
    if path.is_file():
        with path.open("rb") as file:
            found = describe_foreign(file.read(_HEAD), str(path))
        raise InputError(f"{path}: no COCO annotation file; {found or 'wanted a .json file.'}")
    known = [entry.name for entry in named_formats()]
    raise unknown_name("data set, folder or .json file", name, known)
