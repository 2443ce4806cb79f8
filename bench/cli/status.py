"""`noisyseg status`: what the runs of a store have come to, those that are alike in one line.

It reads files alone, so that it may be asked on every machine that sees the store. What draws a
terminal is imported only where something is drawn.
"""

import argparse
import json
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.arguments import add_json, add_out, positive
from noisyseg.bench.cli.output import DONE, print_text, say
from noisyseg.bench.reporting.event_words import event_line
from noisyseg.bench.runs.heartbeat import silent_seconds
from noisyseg.bench.runs.journal import read_events
from noisyseg.bench.runs.state import STATES, RunState, run_states
from noisyseg.number_text import folded
from noisyseg.results.records.store import RunStore
from noisyseg.text_lines import COLUMNS, with_path, wrapped

EXAMPLE = "noisyseg status --out runs --watch"
_OF_HEARTBEAT = (
    "stage",
    "loss",
    "seconds_left",
    "images_per_second",
    "step_seconds",
    "node",
    "device",
    "memory_bytes",
    "time",
    "pid",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Whose runs to list.

    Attributes:
        watch: seconds between two looks; None: look once.
        events: how many of the journal's last lines to print instead; None: list the runs.
    """

    out: Path
    json: bool
    watch: float | None
    events: int | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_out(parser)
    add_json(parser)
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--watch",
        type=_seconds,
        nargs="?",
        const=2.0,
        metavar="SECONDS",
        help="show the runs under way again and again (default: every 2 s) until Ctrl-C",
    )
    way.add_argument(
        "--events",
        type=positive,
        nargs="?",
        const=20,
        metavar="N",
        help="the last lines (default: 20) of the journal that every driver on the store writes",
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 86_400:
        raise argparse.ArgumentTypeError(f"wanted seconds from 0.1 to a day's 86400, got {text!r}")
    return value


def run(options: Options) -> int:
    """List the runs in a store: done, failed, stopped, running, waiting; and what cannot be read.

    Raises:
        InputError: no such store.
    """
    store = RunStore(options.out)
    store.check_there()
    if options.events is not None:
        _print_events(store, options.events, as_json=options.json)
        return DONE
    if options.watch is not None:
        from noisyseg.bench.cli.store_watching import watch

        watch(store, options.watch, _document if options.json else None)
        return DONE
    states, problems = run_states(store)
    for problem in problems:
        say(problem)
    if options.json:
        print_text(json.dumps(_document(states, problems), indent=2))
        return DONE
    now = datetime.now(timezone.utc)
    for alike in _alike(states):
        print_text("\n".join(_lines(alike, now)))
    found = Counter(state.state for state in states)
    counts = [f"{found[s]} {s}" for s in STATES if found[s] or s != "stopped"]
    print_text(with_path(f"{', '.join(counts)} in", options.out))
    return DONE


def _print_events(store: RunStore, most: int, *, as_json: bool) -> None:
    events = list(deque(read_events(store.root), maxlen=most))
    if as_json:
        print_text(json.dumps({"events": events}, indent=2))
        return
    for event in events:
        print_text(event_line(event))
    if not events:
        say(f"no driver has written a journal in {store.root}")


def _document(states: Sequence[RunState], problems: Sequence[str]) -> dict[str, Any]:
    now = time.time()
    return {"runs": [_row(state, now) for state in states], "problems": list(problems)}


def _row(run: RunState, now: float) -> dict[str, Any]:
    """A run as data; what its heartbeat says is null unless it is under way."""
    progress = run.progress or {}
    return {
        "key": run.key,
        "status": run.state,
        "data": run.data,
        "method": run.method,
        "noise": run.noise,
        "noise_seed": run.noise_seed,
        "seed": run.train_seed,
        "mask_ap": run.average,
        "reason": run.reason,
        "fault": run.fault,
        "ended": run.ended,
        "epoch": progress.get("epoch"),
        "epochs": run.epochs,
        **{name: progress.get(name) for name in _OF_HEARTBEAT},
        "silent_seconds": silent_seconds(progress, now),
    }


def _alike(states: Sequence[RunState]) -> list[list[RunState]]:
    """Runs of which a line is told: of one state, and nothing but the seeds differs.

    Each that is under way has its own, and so has each reason of failing.
    """
    groups: dict[tuple[str | None, ...], list[RunState]] = {}
    for run in states:
        own = run.key if run.state == "running" else run.reason
        groups.setdefault((run.state, run.setting, own), []).append(run)
    found = [sorted(group, key=_seeds) for group in groups.values()]
    return sorted(found, key=lambda group: (group[0].data, group[0].method, group[0].noise))


def _seeds(run: RunState) -> tuple[int, int]:
    return run.train_seed, -1 if run.noise_seed is None else run.noise_seed


def _lines(alike: Sequence[RunState], now: datetime) -> list[str]:
    """A line of runs that are alike, and below it why they failed or how far the one is.

    The key is of the first of them.
    """
    run = alike[0]
    more = "" if len(alike) == 1 else f" +{len(alike) - 1}"
    words = [f"{run.key}{more}", run.state, run.data, run.method, run.noise, _seeds_text(alike)]
    ended = [state.ended for state in alike if state.ended is not None]
    if ended:
        words.append(age(max(ended), now))
    line = "  ".join(words)
    # Two spaces between columns, where there is room for them.
    lines = [line] if len(line) <= COLUMNS else wrapped(line, hanging="    ")
    fault = "" if run.fault in (None, "other") else f"{run.fault}: "
    for reason in f"{fault}{run.reason or ''}".splitlines():
        lines += wrapped(reason, indent="    ")
    if run.progress is not None:
        from noisyseg.bench.cluster.run_row import progress_words

        lines += wrapped(progress_words(run.progress, now.timestamp()), indent="    ")
    return lines


def _seeds_text(alike: Sequence[RunState]) -> str:
    """Their seeds; three and more that follow one another as 0–4."""
    same = [run.train_seed for run in alike if run.noise_seed in (None, run.train_seed)]
    pairs = [
        f"{run.noise_seed}/{run.train_seed}"
        for run in alike
        if run.noise_seed not in (None, run.train_seed)
    ]
    texts = [*folded(same), *pairs]
    return f"seed{'s' if len(alike) > 1 else ''} {', '.join(texts)}"


def age(ended: str, now: datetime) -> str:
    """How long ago a time was that a record has (ISO 8601, UTC), in its largest unit."""
    then = datetime.fromisoformat(ended.replace("Z", "+00:00"))
    seconds = max((now - then).total_seconds(), 0.0)
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} ago"
    return "now"
