"""What a benchmark found, as rows of the one table that `run_all` makes of all benchmarks."""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(kw_only=True, slots=True, frozen=True)
class Figure:
    """A row.

    Attributes:
        what: what was measured.
        figure: its value as it is read, with the unit.
        ratio: what noisyseg takes over what the rival takes, or the bound: less is better.
        rival: what the ratio is to, with its own value where that says more.
        kept: whether the benchmark's bound is kept; None where it sets none, or none at this size.
    """

    what: str
    figure: str
    ratio: float
    rival: str
    kept: bool | None = None


def parsed(parser: argparse.ArgumentParser, **short: Any) -> argparse.Namespace:
    """The command line's options, with `--short` and `--figures` among them.

    Args:
        parser: with the benchmark's own options.
        short: defaults of those in the short form, which takes seconds.
    """
    parser.add_argument("--short", action="store_true", help="a quick form, on less")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write rows of JSON, too")
    if "--short" in sys.argv[1:]:
        parser.set_defaults(**short)
    return parser.parse_args()


def write_figures(path: Path | None, figures: Iterable[Figure]) -> None:
    """Write the rows for `read_figures`; without a path, nothing is."""
    if path is not None:
        path.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")


def read_figures(path: Path) -> list[Figure]:
    """The rows that a benchmark wrote.

    Raises:
        ValueError: the file holds something else.
    """
    try:
        return [Figure(**row) for row in json.loads(path.read_bytes())]
    except TypeError as error:
        raise ValueError(f"no figures: {error}") from error
