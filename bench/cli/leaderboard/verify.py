"""`leaderboard verify`: a bundle held against all that can be computed once more."""

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from noisyseg.bench.cli.arguments import add_json, add_noise_files
from noisyseg.bench.cli.leaderboard.conclusion import conclude
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.bench.datasets.formats.registry import MASKS
from noisyseg.bench.leaderboard.ground import Ground, ground_for, shipped_name
from noisyseg.bench.leaderboard.verification import verify
from noisyseg.errors import InputError
from noisyseg.noise.types.registry import add_type_files

EXAMPLE = "noisyseg leaderboard verify bundle.zip --data-root ~/data"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for.

    Attributes:
        suite: a shipped suite's name or a YAML file; None: the shipped one that the bundle names.
        data_root: where the suite's relative paths start.
        against: folder of published entries; None: the one published to, if any.
        publish: folder to make an entry in; None: none is made.
        without_bundle: whether the entry goes without the archive.
    """

    bundle: Path
    suite: str | None
    data_root: Path | None
    masks: str | None
    noise_files: list[str]
    without_data: bool
    against: Path | None
    publish: Path | None
    without_bundle: bool
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.description = (
        "Hold a bundle against all that can be computed once more: the archive, its schema, the "
        "suite, the noise, every number from the predictions, every mean. Nothing in it is run. "
        "Exit status 0: accepted, 1: refused, 2: it could not be tried."
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the archive")
    parser.add_argument(
        "--suite",
        metavar="SUITE",
        help="a shipped suite's name or a YAML file (default: the "
        "shipped suite that the bundle names)",
    )
    parser.add_argument(
        "--data-root", type=Path, metavar="FOLDER", help="where the suite's data lie"
    )
    parser.add_argument("--masks", choices=MASKS, help="VOC's mask source (default: the suite's)")
    add_noise_files(parser)
    parser.add_argument(
        "--without-data",
        action="store_true",
        help="check what can be checked without the data, and say what was not",
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FOLDER",
        help="a published folder: copies of its entries' detections are pointed out",
    )
    parser.add_argument(
        "--publish", type=Path, metavar="FOLDER", help="if accepted, make the entry there"
    )
    parser.add_argument(
        "--without-bundle",
        action="store_true",
        help="with --publish: leave the archive, and so the predictions, out of the entry",
    )
    add_json(parser)


def run(options: Options) -> int:
    """Verify a bundle, and publish it if that was asked for.

    Raises:
        InputError: it could not be tried.
    """
    if options.publish is not None and options.without_data:
        raise InputError("--publish needs the data: leave out --without-data.")
    add_type_files(options.noise_files)
    published = options.against or options.publish
    verified = verify(
        options.bundle,
        partial(_ground, options),
        published=published if published is not None and published.is_dir() else options.against,
        draws=options.publish is not None,
    )
    return conclude(
        verified,
        options.bundle,
        options.publish,
        as_json=options.json,
        included=not options.without_bundle,
    )


def _ground(options: Options, suite: str, variant: str | None) -> Ground:
    return ground_for(
        options.suite or shipped_name(suite),
        variant,
        data_root=options.data_root,
        cache=cache_folder(),
        masks=options.masks,
        with_data=not options.without_data,
    )
