"""`noisyseg table`: a suite's records as a table, and whether a committed one is stale.

It prints, and writes where `--write` says alone.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from noisyseg.bench.cli.arguments import names
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say
from noisyseg.bench.cli.suite_choice import SuiteChoice, add_recorded_choice
from noisyseg.bench.cli.suite_runs import foreseen, known_records
from noisyseg.bench.reporting.loss_logs import loss_logs
from noisyseg.bench.reporting.suite_progress import with_progress
from noisyseg.bench.reporting.suite_table import wide_table
from noisyseg.errors import InputError
from noisyseg.files import write_atomically
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.statistics.fates import FATES
from noisyseg.results.tables.formats import ENDINGS, render
from noisyseg.results.tables.shown_table import Table
from noisyseg.text_lines import with_path

EXAMPLE = "noisyseg table quick --format latex --metric agnostic.AP"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for.

    Attributes:
        format: of what is printed and written; None: by the file's ending, else Markdown.
        also: metrics whose columns follow.
        write: a file that the table is written to as well; None: it is printed alone.
        check: a file that is compared with the table; None to print it.
    """

    choice: SuiteChoice
    format: str | None
    metric: str
    also: Sequence[str]
    write: Path | None
    check: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_recorded_choice(parser)
    parser.add_argument(
        "--format",
        choices=tuple(ENDINGS),
        help="of what is printed and written (default: by the ending of --write's file, else md)",
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
        "--write",
        type=Path,
        metavar="FILE",
        help="write the table there, too (default: it is printed, and nothing is written)",
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
        InputError: an unusable suite, an unknown metric, a file to check that is not there, or one
            to write whose ending is no format's.
    """
    kind = options.format or ("md" if options.write is None else _kind(options.write))
    suite, runs, store = foreseen(options.choice)
    records = known_records(runs, store)
    made = wide_table(suite, runs, records, metric=options.metric, also=options.also)
    made = with_progress(made, suite, runs, records)
    if not FATES.keys().isdisjoint({options.metric, *options.also}):
        noisy = [run for run in runs if run.spec["noise"] and run.key in records]
        for line in loss_logs(noisy, store).silent:
            say(line)
    if options.check is not None:
        return _check(made, options.check)
    text = render(made, kind)
    print_text(text.rstrip())
    if options.write is not None:
        write_atomically(options.write, text.encode())
        say(with_path("table written to", options.write))
    return DONE


def _kind(path: Path) -> str:
    """The format that a file's ending says.

    Raises:
        InputError: it says none.
    """
    kinds = {f".{ending}": kind for kind, ending in ENDINGS.items()}
    if path.suffix not in kinds:
        raise InputError(f"{path}: wanted a table's file, ending in {', '.join(kinds)}.")
    return kinds[path.suffix]


def _check(made: Table, path: Path) -> int:
    """Whether a file holds the table, in the format that its name says."""
    kind = _kind(path)
    try:
        found = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the table cannot be read: {error}.") from error
    wanted = render(made, kind)
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
