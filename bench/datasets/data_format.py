"""What a data-set format is, and what can be asked of a data set that it has located.

Locating, finding, foreseeing and checking write nothing; `DataSet.make` alone does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from noisyseg.bench.datasets.acquisition import Source
from noisyseg.bench.datasets.check_report import Report
from noisyseg.bench.datasets.converted import Progress
from noisyseg.bench.datasets.ready import Ready
from noisyseg.located_yaml import Located


@dataclass(kw_only=True, slots=True, frozen=True)
class DataOptions:
    """What the command line says of a data set.

    Attributes:
        cache: folder for prepared files where the data's own folder cannot be written to.
        out: folder for prepared files, in place of either.
        masks: source of masks in place of the suite's.
        allow_partial: whether fewer images than the official number will do.
    """

    cache: Path | None = None
    out: Path | None = None
    masks: str | None = None
    allow_partial: bool = False


class DataSet(Protocol):
    """A data set that was located."""

    @property
    def folder(self) -> Path:
        """Where it lies, or would."""

    def find(self) -> Ready | None:
        """What runs can use at once; None if something is to be made first, or made again."""

    def foresee(self) -> Ready:
        """What `make` would give, with nothing written: annotations not yet there are in memory.

        Raises:
            InputError: as `make`, but for what cannot be written.
        """

    def make(self, *, workers: int | None = None, progress: Progress | None = None) -> Ready:
        """What runs can use, made unless it is there.

        Args:
            workers: processes; None for one a core.
            progress: told images done and images in all.
        Raises:
            InputError: absent or damaged files, another number of images than the official one
                where that is not allowed, no folder to write to.
        """

    def check(self, *, workers: int | None = None, progress: Progress | None = None) -> Report:
        """What is wrong with it, every file looked at.

        Args:
            workers: processes; None for one a core.
            progress: told images done and images in all.
        Raises:
            InputError: there is nothing to be looked at.
        """


Locate = Callable[[Located, Path, DataOptions], DataSet]
Official = Callable[[Located, DataOptions], Mapping[str, int] | None]


@dataclass(kw_only=True, slots=True, frozen=True)
class Format:
    """A data-set format.

    Attributes:
        name: as suites and the command line have it.
        locate: from a suite's `data` section, whose keys are known ones, the folder that paths
            start from, and the command line's options. Raises InputError: unfit values, or data
            that are not there; says where they were found instead, or what to do.
        required: keys of a section. A format that has some cannot be named by itself.
        optional: further keys, beside `format`.
        masks: its sources of masks, if it has several; the last is the default.
        built_in: made by noisyseg; lies in the cache unless a root is named.
        official: the published number of images of `train` and `val`; None where there is none.
        archives: the official archives: under its name its own, under another what can be
            downloaded by that name, and comes with the source of masks of that name.
        by_hand: how its archives are got where no program may; `{folder}`: where they unpack.
    """

    name: str
    locate: Locate
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    built_in: bool = False
    official: Official = lambda section, options: None
    archives: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)
    by_hand: str = ""
