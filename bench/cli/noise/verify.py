"""`noisyseg noise verify`: whether a noisy file is what its manifest says."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.cli.noise.arguments import Making, add_making
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text
from noisyseg.noise import operations

EXAMPLE = "noisyseg noise verify noisy.json --clean train.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    noisy: Path
    clean: Path
    manifest: Path | None
    making: Making


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("noisy", type=Path, metavar="NOISY.json")
    parser.add_argument(
        "--clean", type=Path, required=True, metavar="CLEAN.json", help="file it was made from"
    )
    parser.add_argument(
        "--manifest", type=Path, metavar="FILE", help="of the noisy file (default: beside it)"
    )
    add_making(parser)


def run(options: Options) -> int:
    """Make the noise again and compare; 0 if every byte is the same, 1 if not."""
    problems = operations.verify(
        options.noisy,
        options.clean,
        manifest=options.manifest,
        files=options.making.files(),
        workers=options.making.workers,
    )
    for problem in problems:
        print_text(f"DIFFERS: {problem}")
    if problems:
        return SOME_FAILED
    print_text(f"verified: {options.noisy} is what its manifest makes of {options.clean}")
    return DONE
