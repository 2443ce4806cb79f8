"""`table`: a suite's records as a table, and whether a committed one is stale."""

import argparse
from itertools import zip_longest
from pathlib import Path

from noisyseg.bench.cli.commands import choices, chosen_suite, known_records
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say
from noisyseg.bench.reporting.suite_table import suite_table, write_table
from noisyseg.bench.runs.grid import check, foresee
from noisyseg.bench.runs.left_out import left_out
from noisyseg.errors import InputError
from noisyseg.results.records.store import RunStore
from noisyseg.results.tables.formats import ENDINGS, Table, render


def table(arguments: argparse.Namespace) -> int:
    """Print a suite's table from the records that there are, or check a file that has it.

    Raises:
        InputError: an unusable suite, an unknown metric, or a file to check that is not there.
    """
    suite = chosen_suite(arguments, choices(arguments, download=False))
    store = RunStore(arguments.out)
    store.check_writable()
    runs = foresee(suite, store, *check(suite, store))
    made = suite_table(suite, runs, known_records(runs, store), metric=arguments.metric)
    for line in left_out(runs, store):
        say(line)
    if arguments.check is not None:
        return _check(made, arguments.check)
    text, path = write_table(suite, made, arguments.format, store)
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
