"""`noisyseg table`: a suite's records as a table, and whether a committed one is stale."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from noisyseg.bench.cli.arguments import names
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say
from noisyseg.bench.cli.suite_choice import SuiteChoice, add_suite_choice
from noisyseg.bench.cli.suite_runs import foreseen, known_records
from noisyseg.bench.reporting.loss_logs import loss_logs
from noisyseg.bench.reporting.suite_table import wide_table, write_table
from noisyseg.bench.runs.left_out import left_out
from noisyseg.errors import InputError
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.statistics.fates import FATES
from noisyseg.results.tables.formats import ENDINGS, Table, render

EXAMPLE = "noisyseg table quick --format latex --metric agnostic.AP"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for.

    Attributes:
        also: metrics whose columns follow.
        check: a file that is compared with the table; None to print and write the table.
    """

    choice: SuiteChoice
    format: str
    metric: str
    also: Sequence[str]
    check: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_suite_choice(parser)
    parser.add_argument(
        "--format",
        choices=tuple(ENDINGS),
        default="md",
        help="of what is printed and written (default: md)",
    )
    parser.add_argument(
        "--metric",
        default=DEFAULT,
        metavar="NAME",
        help="such as segm.AP50, bbox.AP, agnostic.AP, matched.accuracy, relative.AP, touched.AP "
        f"(default: {DEFAULT})",
    )
    parser.add_argument(
        "--also",
        type=names,
        default=(),
        metavar="A,B",
        help="metrics whose columns follow, such as memorised,recovered",
    )
    parser.add_argument(
        "--check",
        type=Path,
        metavar="FILE",
        help="say whether a committed table is what the records give; 1 if it is stale",
    )


def run(options: Options) -> int:
    """Print a suite's table from the records that there are, or check a file that has it.

    Raises:
        InputError: an unusable suite, an unknown metric, or a file to check that is not there.
    """
    suite, runs, store = foreseen(options.choice, writes=True)
    records = known_records(runs, store)
    made = wide_table(suite, runs, records, metric=options.metric, also=options.also)
    for line in left_out(runs, store):
        say(line)
    if not FATES.keys().isdisjoint({options.metric, *options.also}):
        for line in loss_logs([run for run in runs if run.spec["noise"]], store).silent:
            say(line)
    if options.check is not None:
        return _check(made, options.check)
    text, path = write_table(suite, made, options.format, store)
    print_text(text.rstrip())
    say(f"table written to {path}")
    return DONE


def _check(made: Table, path: Path) -> int:
    """Whether a file holds the table, in the format that its name says."""
    kinds = {f".{ending}": kind for kind, ending in ENDINGS.items()}
    if path.suffix not in kinds:
        raise InputError(f"{path}: wanted a table's file, ending in {', '.join(kinds)}.")
    try:
        found = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the table cannot be read: {error}.") from error
    wanted = render(made, kinds[path.suffix])
    if found == wanted:
        print_text(f"{path}: up to date")
        return DONE
    lines = zip_longest(found.splitlines(), wanted.splitlines(), fillvalue="")
    for number, (old, new) in enumerate(lines, 1):
        if old != new:
            print_text(f"{path}: stale. Line {number} is\n  {old}\nand would be\n  {new}")
            return SOME_FAILED
    print_text(f"{path}: stale. Its line breaks are others.")
    return SOME_FAILED
