"""`report`: a suite's results as one self-contained HTML page."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

import noisyseg
from noisyseg.bench.cli.commands import DONE, choices, chosen_suite, known_records, say
from noisyseg.bench.cli.figures_command import (
    drawn_observed,
    figure_file_names,
    observed_runs,
)
from noisyseg.bench.cli.match_command import suite_match
from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.suite_figures import result_figures
from noisyseg.bench.reporting.suite_table import suite_file_name, suite_table, suite_title
from noisyseg.bench.runs.execution import MANIFEST
from noisyseg.bench.runs.grid import Run, check, foresee
from noisyseg.bench.runs.left_out import left_out
from noisyseg.files import write_atomically
from noisyseg.noise.files.manifest_file import read_manifest
from noisyseg.results.records.noise_name import noise_name
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore, is_done
from noisyseg.results.report.suite_report import picture, render_report
from noisyseg.results.tables.formats import Table, render

METRICS = (
    *("segm.AP", "segm.AP50", "segm.AP75", "bbox.AP", "agnostic.AP", "agnostic.AR100"),
    *("matched.accuracy", "relative.AP", "touched.AP", "untouched.AP"),
)
"""Of the page's tables; those that no record has are left out."""
_CAPTIONS = {
    "noise-rate": "Mask AP against the noise rate",
    "methods-by-noise": "Mask AP of every method at every noise setting",
    "class-losses": "What each class lost to the noise",
    "transitions-intended": "Transition matrix, intended",
    "transitions-realised": "Transition matrix, realised",
    "loss-histograms": "Loss of right and of wrong labels in the last epoch",
    "set-sizes": "RoIs in the paper's sets",
    "noisy-predicted-as": "What RoIs of wrong labels are taken for",
    "pon-detector": "PON as a detector of wrong labels",
}


def report(arguments: argparse.Namespace) -> int:
    """Write the page of a suite, from the records that there are."""
    suite = chosen_suite(arguments, choices(arguments, download=False))
    store = RunStore(arguments.out)
    store.check_writable()
    runs = foresee(suite, store, *check(suite, store))
    for line in left_out(runs, store):
        say(line)
    page = render_report(suite_report(suite, runs, known_records(runs, store), store))
    path = store.root / "reports" / f"{suite_file_name(suite)}.html"
    write_atomically(path, page.encode())
    say(f"report written to {path}")
    return DONE


def suite_report(
    suite: Suite, runs: Sequence[Run], records: Mapping[str, Record], store: RunStore
) -> dict[str, Any]:
    """What the page shows."""
    done = {key: record for key, record in records.items() if is_done(record)}
    failed = [run for run in runs if run.key in records and run.key not in done]
    tables = [suite_table(suite, runs, records, metric=metric) for metric in METRICS]
    return {
        "title": suite_title(suite),
        "suite": suite.name,
        "variant": suite.variant,
        "version": noisyseg.__version__,
        "numbers": {
            "runs": len(runs),
            "done": sum(run.key in done for run in runs),
            "failed": len(failed),
            "seeds": ", ".join(map(str, dict.fromkeys(run.seed_label for run in runs))),
            "data": ", ".join(sorted({run.spec["data"]["name"] for run in runs})),
            "model": suite.model.name,
            "protocol": suite.protocol["name"],
        },
        "notes": suite.notes,
        "tables": [_table(table) for table in tables if (table.cells["n"] > 0).any()],
        "figures": _figures(suite, runs, records, store),
        "match": None if suite.published is None else suite_match(suite, runs, records),
        "noise": _noise(runs, done),
        "failures": [
            {
                "label": run.label,
                "key": run.key,
                "reason": records[run.key]["failure"]["message"].splitlines()[0],
            }
            for run in failed
        ],
        "environments": _environments(done.values()),
        "records": [_record_row(run, records.get(run.key)) for run in runs],
    }


def _table(table: Table) -> str:
    """Headed by what its numbers are; title and notes are the page's."""
    return render(replace(table, title=table.value_name, value_name="Cells", notes=[]), "html")


def _figures(
    suite: Suite, runs: Sequence[Run], records: Mapping[str, Record], store: RunStore
) -> list[dict[str, str]]:
    names = figure_file_names(list(suite.noise))
    files = result_figures(suite, runs, records, formats=["png"], file_names=names)
    observed, _, _ = observed_runs(runs, store)
    files |= drawn_observed(observed, ["png"])
    labels = {name: label for label, name in names.items()}
    return [
        {"source": picture(contents["png"]), "caption": _caption(name, labels)}
        for name, contents in files.items()
    ]


def _caption(name: str, labels: Mapping[str, str]) -> str:
    start = next(start for start in _CAPTIONS if name.startswith(start))
    rest = name.removeprefix(start).removeprefix("-")
    return _CAPTIONS[start] + (f": {labels.get(rest, rest)}" if rest else "")


def _noise(runs: Sequence[Run], done: Mapping[str, Record]) -> list[dict[str, Any]]:
    """A row for each noisy annotation file that a finished run was trained on."""
    rows: dict[str | None, dict[str, Any]] = {}
    for run in runs:
        path = run.folder / MANIFEST
        if run.key not in done or not path.is_file():
            continue
        checksum = done[run.key]["checksums"]["manifest"]
        if checksum in rows:
            continue
        counts = read_manifest(path)["annotations"]
        share = counts["class_changed"] / counts["clean"] if counts["clean"] else 0.0
        rows[checksum] = {
            "label": run.noise_label,
            "seed": run.noise_seed,
            "steps": noise_name(run.spec["noise"]),
            "annotations": counts["noisy"],
            "changed": counts["class_changed"],
            "share": f"{100 * share:.1f} %",
            "manifest": checksum,
        }
    return list(rows.values())


def _environments(records: Any) -> list[dict[str, Any]]:
    """The different environments of finished runs, with their numbers of runs."""
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        entries = dict(record["environment"])
        packages = entries.pop("packages", None) or {}
        entries["packages"] = ", ".join(f"{name} {value}" for name, value in packages.items())
        key = orjson.dumps(entries, option=orjson.OPT_SORT_KEYS).decode()
        found.setdefault(key, {"runs": 0, "entries": entries})["runs"] += 1
    return list(found.values())


def _record_row(run: Run, record: Record | None) -> dict[str, Any]:
    state = "not run" if record is None else record["status"]
    metrics = record["metrics"] if record is not None and is_done(record) else None
    verified = (metrics or {}).get("verified")
    return {
        "method": run.method_label,
        "noise": run.noise_label,
        "seed": run.seed_label,
        "key": run.key,
        "state": state,
        "average": metrics["segm"]["AP"] if metrics else None,
        "tool": (metrics or {}).get("tool") or "—",
        "difference": f"{verified['largest_difference']:.1e}" if verified else "—",
    }
