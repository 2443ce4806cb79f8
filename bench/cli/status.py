"""`noisyseg status`: what the runs of a store have come to, those that are alike in one line."""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.arguments import add_json, add_out
from noisyseg.bench.cli.output import DONE, print_text, say
from noisyseg.bench.runs.state import STATES, RunState, run_states
from noisyseg.number_text import folded
from noisyseg.results.records.store import RunStore
from noisyseg.text_lines import COLUMNS, with_path, wrapped

EXAMPLE = "noisyseg status --out runs --json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Whose runs to list."""

    out: Path
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_out(parser)
    add_json(parser)


def run(options: Options) -> int:
    """List the runs in a store: done, failed, running, waiting; and what cannot be read.

    Raises:
        InputError: no such store.
    """
    store = RunStore(options.out)
    store.check_there()
    states, problems = run_states(store)
    for problem in problems:
        say(problem)
    if options.json:
        rows = [_row(state) for state in states]
        print_text(json.dumps({"runs": rows, "problems": problems}, indent=2))
        return DONE
    now = datetime.now(timezone.utc)
    for alike in _alike(states):
        print_text("\n".join(_lines(alike, now)))
    found = Counter(state.state for state in states)
    counts = (f"{found[state]} {state}" for state in STATES)
    print_text(with_path(f"{', '.join(counts)} in", options.out))
    return DONE


def _row(run: RunState) -> dict[str, Any]:
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
        "ended": run.ended,
        "epoch": progress.get("epoch"),
        "epochs": run.epochs,
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
    for reason in (run.reason or "").splitlines():
        lines += wrapped(reason, indent="    ")
    if run.progress is not None:
        lines.append(f"    epoch {run.progress['epoch']:.1f} of {run.epochs}")
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
