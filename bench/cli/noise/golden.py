"""`noisyseg noise golden`: whether this machine makes the shipped golden noise."""

import argparse
from dataclasses import dataclass
from importlib.metadata import version

from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text
from noisyseg.noise import golden

EXAMPLE = "noisyseg noise golden"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Nothing is asked for."""


def add_arguments(_: argparse.ArgumentParser) -> None:
    """The command has no arguments."""


def run(_: Options) -> int:
    """Make every case of golden noise; 0 if every hash is the shipped one, 1 if not."""
    differing = [
        f"{label}: the {part} differs" for label, part in golden.differences(golden.make_golden())
    ]
    for line in differing:
        print_text(line)
    if differing:
        drawn_by = ("numpy", "opencv-python-headless", "pycocotools")
        print_text(f"with {', '.join(f'{name} {version(name)}' for name in drawn_by)}")
    print_text(f"{len(golden.read_golden())} cases, {len(differing)} hashes differ")
    return SOME_FAILED if differing else DONE
