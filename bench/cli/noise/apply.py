"""`noisyseg noise apply`: the noisy file that a manifest is of."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.cli.noise.arguments import Making, add_making, add_written
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.noise import operations

EXAMPLE = "noisyseg noise apply train.json noisy.manifest.json --out noisy.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    clean: Path
    manifest: Path
    out: Path
    making: Making


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("clean", type=Path, metavar="CLEAN.json")
    parser.add_argument("manifest", type=Path, metavar="MANIFEST")
    add_written(parser, "FILE", "noisy file")
    add_making(parser)


def run(options: Options) -> int:
    """Write the noisy file that a manifest is of."""
    operations.apply(
        options.clean,
        options.manifest,
        options.out,
        files=options.making.files(),
        workers=options.making.workers,
    )
    print_text(f"noisy file: {options.out}")
    return DONE
