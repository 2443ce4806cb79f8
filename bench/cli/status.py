"""`noisyseg status`."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.arguments import add_json, add_out
from noisyseg.bench.cli.output import DONE, print_text, say
from noisyseg.bench.runs.state import STATES, RunState, run_states
from noisyseg.results.records.noise_name import noise_name
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
    """List the runs in a store: done, failed, running, waiting; and what cannot be read."""
    states, problems = run_states(RunStore(options.out))
    for problem in problems:
        say(problem)
    rows = [_row(state) for state in states]
    if options.json:
        print_text(json.dumps({"runs": rows, "problems": problems}, indent=2))
        return DONE
    for row in rows:
        print_text("\n".join(_lines(row)))
    counts = (f"{sum(row['status'] == state for row in rows)} {state}" for state in STATES)
    print_text(with_path(f"{', '.join(counts)} in", options.out))
    return DONE


def _row(run: RunState) -> dict[str, Any]:
    spec, record = run.spec, run.record
    progress = run.progress or {}
    return {
        "key": run.key,
        "status": run.state,
        "data": spec["data"]["name"],
        "method": spec["method"]["name"],
        "noise": noise_name(spec["noise"]),
        "seed": spec["train_seed"],
        "mask_ap": record["metrics"]["segm"]["AP"] if record and run.state == "done" else None,
        "reason": record["failure"]["message"] if record and run.state == "failed" else None,
        "epoch": progress.get("epoch"),
        "epochs": spec["protocol"]["epochs"],
    }


def _lines(row: Mapping[str, Any]) -> list[str]:
    line = "  ".join(str(row[key]) for key in ("key", "status", "data", "method", "noise"))
    # Two spaces between columns, where there is room for them.
    lines = [line] if len(line) <= COLUMNS else wrapped(line, hanging="    ")
    for reason in (row["reason"] or "").splitlines():
        lines += wrapped(reason, indent="    ")
    if row["epoch"] is not None:
        lines.append(f"    epoch {row['epoch']:.1f} of {row['epochs']}")
    return lines
