"""Which data set a command is about: arguments that `prepare` and `check` share."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.cli.arguments import positive
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.bench.datasets.data_format import DataOptions
from noisyseg.bench.datasets.formats.registry import MASKS, named_formats

# As they come to mind: what is to be downloaded first, the built-in one last.
NAMES = ", ".join(known.name for known in sorted(named_formats(), key=lambda one: one.built_in))
NAMES += ", or a folder in COCO's layout"


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedData:
    """A data set as the command line names it.

    Attributes:
        name: of a data set, or the path of a folder or a file.
        root: what holds it; None: the current folder, the cache for a built-in one.
        workers: processes; None for one a core.
    """

    name: str
    root: Path | None
    masks: str | None
    allow_partial: bool
    workers: int | None

    def options(self, out: Path | None = None) -> DataOptions:
        """What is said of the data set, and where converted files are to go."""
        return DataOptions(
            cache=cache_folder(), out=out, masks=self.masks, allow_partial=self.allow_partial
        )


def add_root(parser: argparse.ArgumentParser) -> None:
    """The option that names the folder of the data sets."""
    parser.add_argument(
        "--root",
        type=Path,
        metavar="FOLDER",
        help="holds VOCdevkit/, coco/, cityscapes/ (default: the current folder; the cache for "
        "shapes)",
    )


def add_choice(parser: argparse.ArgumentParser) -> None:
    """What is chosen of a data set, and how many processes look at it."""
    parser.add_argument("--masks", choices=MASKS, help="VOC's mask source (default: box)")
    parser.add_argument(
        "--allow-partial",
        action="store_true",
        help="accept fewer images than the official number; records say so in the data's name",
    )
    parser.add_argument(
        "--workers", type=positive, metavar="N", help="processes (default: one a core)"
    )
