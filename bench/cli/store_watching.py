"""A store that is looked at until Ctrl-C: redrawn on a terminal, in blocks elsewhere."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from noisyseg.bench.cli.output import print_text, say
from noisyseg.bench.cluster.live_display import drawn
from noisyseg.bench.cluster.run_row import run_row
from noisyseg.bench.cluster.run_table import table_lines
from noisyseg.bench.cluster.store_look import StoreWatch, look_at
from noisyseg.bench.cluster.watched_runs import Look
from noisyseg.bench.runs.state import RunState
from noisyseg.results.records.store import RunStore
from noisyseg.text_lines import COLUMNS, printable

_REST = 2  # a look at a large store takes seconds: twice as long nothing is read
Document = Callable[[list[RunState], list[str]], dict[str, object]]


def watch(store: RunStore, seconds: float, document: Document | None) -> None:
    """Show the runs of a store every so many seconds until Ctrl-C.

    Args:
        store: of the runs.
        seconds: between two looks; more where a look takes long.
        document: what is to be printed as JSON instead, a line each time.
    """
    watched, told = StoreWatch(store), set[str]()
    with _shown_by(document is None) as show:
        try:
            while True:
                began = time.monotonic()
                states, problems = watched.states()
                if document is None:
                    show(look_at(states))
                else:
                    print_text(json.dumps(document(states, problems)))
                for problem in problems:
                    if problem not in told:
                        say(problem)
                told.update(problems)
                sys.stdout.flush()
                time.sleep(max(seconds, _REST * (time.monotonic() - began)))
        except KeyboardInterrupt:
            return


@contextmanager
def _shown_by(drawing: bool) -> Iterator[Callable[[Look], None]]:
    console = Console(file=sys.stdout)
    if not (drawing and console.is_terminal):
        yield _print_block
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda look: live.update(drawn(look, console), refresh=True)


def _print_block(look: Look) -> None:
    now = time.time()
    rows = [run_row(label, state, now) for label, state in look.under_way]
    print_text("\n".join([printable(look.head), *table_lines(rows, width=COLUMNS), ""]))
