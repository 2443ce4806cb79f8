"""Arguments that several commands take, and the types that they are read by."""

import argparse
from pathlib import Path

DEFAULT_OUT = Path("runs")


def whole(text: str) -> int:
    """A number of at least 0."""
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"wanted a whole number of at least 0, got {text!r}")
    return int(text)


def positive(text: str) -> int:
    """A number of at least 1."""
    value = whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError("wanted at least 1, got 0")
    return value


def names(text: str) -> list[str]:
    """Names with commas between them."""
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise argparse.ArgumentTypeError(f"wanted names with commas between them, got {text!r}")
    return found


def seeds(text: str) -> list[int]:
    """Seeds with commas between them, each once."""
    found = [whole(part) for part in text.split(",")]
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"a seed is given twice in {text}")
    return found


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option that listing commands have."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def add_out(parser: argparse.ArgumentParser) -> None:
    """The option that names the store."""
    parser.add_argument(
        "--out",
        type=Path,
        default=DEFAULT_OUT,
        metavar="FOLDER",
        help="where runs lie (default: runs)",
    )


def add_noise_files(parser: argparse.ArgumentParser) -> None:
    """The option that makes types of noise in files known."""
    parser.add_argument(
        "--noise-file",
        action="append",
        default=[],
        dest="noise_files",
        metavar="PATH.py:NAME",
        help="a noise type of your own: a Python file, which is run, and the type in it. It may be "
        "given several times",
    )


def add_no_sharing(parser: argparse.ArgumentParser) -> None:
    """The option that lets each run train all of its epochs itself."""
    parser.add_argument(
        "--no-sharing",
        action="store_true",
        help="let each run train all of its epochs itself (default: epochs that several runs have "
        "in common, as `ce` and `lncis` do, are trained once; on a CPU the results "
        "are the same bit for bit)",
    )
