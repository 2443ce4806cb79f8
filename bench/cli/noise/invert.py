"""`noisyseg noise invert`: the clean file that a noisy one was made from."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.cli.noise.arguments import add_written
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.noise import operations

EXAMPLE = "noisyseg noise invert noisy.json noisy.manifest.json --out clean.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    noisy: Path
    manifest: Path
    out: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("noisy", type=Path, metavar="NOISY.json")
    parser.add_argument("manifest", type=Path, metavar="MANIFEST")
    add_written(parser, "FILE", "clean file")


def run(options: Options) -> int:
    """Write the clean file that a noisy one was made from."""
    operations.invert(options.noisy, options.manifest, options.out)
    print_text(f"clean file: {options.out}")
    return DONE
