"""`compare`: methods of a suite against each other on the same images, by a paired bootstrap."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.commands import choices, chosen_suite, known_records
from noisyseg.bench.cli.output import DONE, print_text, say
from noisyseg.bench.config.suite import suite_label
from noisyseg.bench.runs.execution import PREDICTIONS
from noisyseg.bench.runs.grid import Run, check, foresee
from noisyseg.errors import InputError, unknown_name
from noisyseg.files import sha256_file
from noisyseg.results.evaluation.evaluation import mask_matches
from noisyseg.results.evaluation.predictions import read_predictions
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore, is_done
from noisyseg.results.statistics.bootstrap import Matches, standings


def compare(arguments: argparse.Namespace) -> int:
    """Compare each method with a baseline at each noise setting and seed, and rank them.

    Raises:
        InputError: an unknown baseline, predictions that are gone or changed, nothing to compare.
    """
    suite = chosen_suite(arguments, choices(arguments, download=False))
    store = RunStore(arguments.out)
    baseline = suite_label(arguments.baseline or next(iter(suite.methods)), suite.methods)
    if baseline not in suite.methods:
        raise unknown_name(f"method of suite {suite.name}", baseline, suite.methods, "--baseline")
    runs = foresee(suite, store, *check(suite, store))
    records = known_records(runs, store)
    groups = [
        _group([run for run in runs if _place(run) == place], records, baseline, arguments)
        for place in dict.fromkeys(map(_place, runs))
    ]
    found = [group for group in groups if group is not None]
    if not found:
        raise InputError(
            f"{suite.name}: nothing to compare: wanted {baseline} and another method done at the "
            "same noise setting and seed."
        )
    document = {
        "suite": suite.name,
        "baseline": baseline,
        "draws": arguments.draws,
        "groups": found,
    }
    if arguments.json:
        print_text(json.dumps(document, indent=2))
    else:
        print_text(_markdown(document))
    return DONE


def _place(run: Run) -> tuple[str, int | str]:
    return run.noise_label, run.seed_label


def _group(
    runs: Sequence[Run],
    records: Mapping[str, Record],
    baseline: str,
    arguments: argparse.Namespace,
) -> dict[str, Any] | None:
    """One noise setting and seed; None where the baseline or every other method is not done."""
    matches: dict[str, Matches] = {}
    noise, seed = _place(runs[0])
    for run in runs:
        if is_done(records.get(run.key)):
            matches[run.method_label] = _matches(run, records[run.key])
    if baseline not in matches or len(matches) < 2:
        say(f"skipped {noise}, seed {seed}: fewer than two methods are done, or not {baseline}")
        return None
    found = standings(matches, baseline, draws=arguments.draws, seed=arguments.bootstrap_seed)
    rows = [{"method": method, **asdict(standing)} for method, standing in found.items()]
    images = len(matches[baseline].image_ids)
    return {"noise": noise, "seed": seed, "images": images, "methods": rows}


def _matches(run: Run, record: Record) -> Matches:
    """From the run's saved predictions, which must be those of its record."""
    path: Path = run.folder / PREDICTIONS
    if not path.is_file():
        raise InputError(f"{path} is gone: without the predictions nothing can be compared.")
    if sha256_file(path) != record["checksums"]["predictions"]:
        raise InputError(f"{path} is not what its record was made from: it was changed.")
    return mask_matches(
        run.eval_annotations, read_predictions(path), classes=run.spec["data"]["classes"]
    )


def _markdown(document: Mapping[str, Any]) -> str:
    baseline = document["baseline"]
    lines = [
        f"## {document['suite']}: mask AP against {baseline}, on the same images",
        "",
        f"Paired bootstrap over images, {document['draws']} draws, 95 % intervals. It is of these "
        "trained networks: what another seed would give is not in it.",
    ]
    for group in document["groups"]:
        lines += ["", f"### {group['noise']}, seed {group['seed']} ({group['images']} images)", ""]
        lines.append(f"| Method | AP | minus {baseline} | 95 % interval | p | | rank |")
        lines.append("|:---|---:|---:|:---|---:|:---|:---|")
        lines += [_line(row) for row in group["methods"]]
    return "\n".join(lines)


def _line(row: Mapping[str, Any]) -> str:
    found = row["comparison"]
    cells = ["—", "—", "—", "baseline"]
    if found is not None:
        verdict = "tie" if found["tie"] else "above" if found["difference"] > 0 else "below"
        cells = [
            _signed(found["difference"]),
            f"{_signed(found['low'])} to {_signed(found['high'])}",
            f"{found['p']:.3f}",
            verdict,
        ]
    rank = f"{row['rank']:g} ({row['rank_low']:g} to {row['rank_high']:g})"
    average = f"{row['average_precision']:.1f}"
    return "| " + " | ".join([row["method"], average, *cells, rank]) + " |"


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")
