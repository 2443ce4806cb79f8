"""Which suite, and what of it: the arguments of all commands that work on a suite's runs."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.cli.arguments import add_noise_files, add_out, names, seeds
from noisyseg.bench.config.suite import Choices, Suite, load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.bench.datasets.formats.registry import MASKS
from noisyseg.methods.registry import methods_of_files
from noisyseg.noise.types.registry import add_type_files


@dataclass(frozen=True, kw_only=True, slots=True)
class DataChoice:
    """Where a suite's data are, and which of its variants is meant.

    Attributes:
        data_root: where relative paths start; None: the suite file's folder.
        method_files, noise_files: `PATH.py:NAME` of methods and noise types of the user's own.
    """

    data_root: Path | None
    variant: str | None
    masks: str | None
    allow_partial: bool
    method_files: list[str]
    noise_files: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteChoice:
    """A suite, the part of it that is meant, and the folder of its runs.

    Attributes:
        suite: a shipped suite's name, or a YAML file.
        methods, noise, seeds, noise_seeds, train_seeds: those alone; None: the suite's.
        content: how the checksum of data and weights begins that are meant; None: the one there is.
    """

    suite: str
    out: Path
    data: DataChoice
    methods: list[str] | None
    noise: list[str] | None
    seeds: list[int] | None
    noise_seeds: list[int] | None
    train_seeds: list[int] | None
    content: str | None

    @property
    def has_seeds(self) -> bool:
        """Whether seeds are named: else all count that the store has."""
        return bool(self.seeds or self.noise_seeds)


def choices_of(data: DataChoice, *, random_weights: bool = False, download: bool = True) -> Choices:
    """What the command line decides of a suite; noise types of files are known from now on."""
    add_type_files(data.noise_files)
    return Choices(
        variant=data.variant,
        masks=data.masks,
        allow_partial=data.allow_partial,
        random_weights=random_weights,
        download=download,
        own_methods=methods_of_files(data.method_files),
    )


def chosen_suite(
    choice: SuiteChoice, *, random_weights: bool = False, download: bool = True
) -> Suite:
    """The part of the suite that the command line names.

    Args:
        random_weights: leave the backbone's pretrained weights out.
        download: whether weights that are not there may be downloaded.

    Raises:
        InputError: whatever is wrong with the suite or with the choice.
    """
    return part_of(whole_suite(choice, random_weights=random_weights, download=download), choice)


def whole_suite(choice: SuiteChoice, *, random_weights: bool, download: bool) -> Suite:
    """The suite with every method, noise setting and seed that it has; as `chosen_suite`."""
    return load_suite(
        choice.suite,
        data_root=choice.data.data_root,
        cache=cache_folder(),
        choices=choices_of(choice.data, random_weights=random_weights, download=download),
    )


def part_of(suite: Suite, choice: SuiteChoice) -> Suite:
    """The methods, noise settings and seeds that the command line names of a suite.

    Raises:
        InputError: what the suite does not have.
    """
    return choose(
        suite,
        methods=choice.methods,
        noise=choice.noise,
        seeds=choice.seeds,
        noise_seeds=choice.noise_seeds,
        train_seeds=choice.train_seeds,
    )


def add_recorded_choice(parser: argparse.ArgumentParser) -> None:
    """As `add_suite_choice`, for commands that read a suite's records."""
    add_suite_choice(parser)
    parser.add_argument(
        "--content",
        metavar="PREFIX",
        help="where the store has runs of several versions of the data or the weights: how the "
        "checksum begins of those that are meant",
    )


def add_suite_choice(parser: argparse.ArgumentParser) -> None:
    """The arguments of a `SuiteChoice`."""
    parser.add_argument("suite", metavar="SUITE", help="a shipped suite's name or a YAML file")
    add_out(parser)
    add_data_choice(parser)
    parser.set_defaults(content=None)
    parser.add_argument(
        "--methods",
        type=names,
        metavar="A,B",
        help="only these of the suite's methods; others that are known run with their defaults",
    )
    parser.add_argument("--noise", type=names, metavar="A,B", help="only these noise settings")
    parser.add_argument(
        "--seeds",
        type=seeds,
        metavar="0,1,2",
        help="these seeds instead of the suite's; each is noise and train seed",
    )
    parser.add_argument(
        "--noise-seeds",
        type=seeds,
        metavar="0,1",
        help="with --train-seeds: every noise seed with every train seed, which tells the spread "
        "that each gives apart",
    )
    parser.add_argument("--train-seeds", type=seeds, metavar="0,1", help="see --noise-seeds")


def add_data_choice(parser: argparse.ArgumentParser) -> None:
    """The arguments of a `DataChoice`."""
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="FOLDER",
        help="where a suite's relative data and weights paths start "
        "(default: the suite file's folder)",
    )
    parser.add_argument(
        "--variant", metavar="NAME", help="one of the suite's variants (default: its first)"
    )
    parser.add_argument("--masks", choices=MASKS, help="VOC's mask source (default: the suite's)")
    parser.add_argument(
        "--allow-partial",
        action="store_true",
        help="accept fewer images than the official number; records say so in the data's name",
    )
    parser.add_argument(
        "--method-file",
        action="append",
        default=[],
        dest="method_files",
        metavar="PATH.py:NAME",
        help="a method of your own: a Python file and the function or class in it. It may be "
        "given several times; one that the suite does not name is run with its defaults",
    )
    add_noise_files(parser)
