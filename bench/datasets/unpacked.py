"""A data set's files as its archives unpack, and what is asked of them to make them ready."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from noisyseg.bench.datasets.check_report import Report
from noisyseg.bench.datasets.converted import Progress
from noisyseg.bench.datasets.split import Split

SPLITS = ("train", "val")
VERSION = 1
"""Of the conversion; raised whenever a converted file could change."""

Put = Callable[[str, Iterator[bytes]], None]
"""Takes a split and the blocks of its annotation file."""


class Converted(NamedTuple):
    """What a conversion gave.

    Attributes:
        counts: images and annotations of each split.
        notes: what a person should know.
    """

    counts: dict[str, dict[str, int]]
    notes: list[str]


@dataclass(kw_only=True, slots=True, frozen=True)
class Unpacked(ABC):
    """The unpacked files of a data set that its makers publish.

    Attributes:
        name: as in records, such as `voc2012-seg`.
        folder: the data set's own.
        official: the published length of each list: the images of train and val, and lists beside.
        classes: in the makers' order; None for every category of the training file.
    """

    name: str
    folder: Path
    official: Mapping[str, int]
    classes: list[str] | None

    @abstractmethod
    def listed(self) -> dict[str, int] | None:
        """The length of each list; None where only a conversion counts the images.

        Raises:
            InputError: an unusable list.
        """

    @abstractmethod
    def state(self) -> str:
        """What tells, in a moment, whether the files are the same: another text if they are not.

        Raises:
            InputError: an unusable list, or a file that cannot be read.
        """

    @abstractmethod
    def splits(self, prepared: Path) -> dict[str, Split]:
        """`train` and `val`, of files that were converted into a folder."""

    @abstractmethod
    def convert(self, put: Put, *, workers: int | None, progress: Progress | None) -> Converted:
        """Convert every image, and give `put` what is to be written.

        Raises:
            InputError: absent or damaged files.
        """

    @abstractmethod
    def check(
        self, report: Report, *, workers: int | None, progress: Progress | None
    ) -> Mapping[str, int]:
        """Look at every file; returns the length of each list that could be read."""

    def test(self) -> Split | None:
        """Images without annotations, which the makers score; None for most data sets."""
        return None
