"""What the page of a suite shows: its tables, figures, match, noise, failures and records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

import noisyseg
from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.figures import pictures
from noisyseg.bench.reporting.noise_counts import noise_counts
from noisyseg.bench.reporting.power_page import HOW, power_lines, power_rows
from noisyseg.bench.reporting.suite_match import suite_match
from noisyseg.bench.reporting.suite_power import suite_power
from noisyseg.bench.reporting.suite_results import SuiteResults
from noisyseg.bench.reporting.suite_table import suite_table, suite_title
from noisyseg.bench.reporting.suite_values import suite_values
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.records.noise_name import noise_name
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done
from noisyseg.results.report.page import NONE, picture
from noisyseg.results.statistics.fates import FATES
from noisyseg.results.tables.formats import Table, render

METRICS = (
    *("segm.AP", "segm.AP50", "segm.AP75", "bbox.AP", "agnostic.AP", "agnostic.AR100"),
    *("matched.accuracy", "relative.AP", "touched.AP", "untouched.AP"),
    *FATES,
)
"""Of the page's tables; those that no record has are left out."""


def suite_page(results: SuiteResults) -> dict[str, Any]:
    """What the page of a suite shows, as `results.report.suite_report` lays it out."""
    suite, runs, records = results.suite, results.runs, results.records
    done = {key: record for key, record in records.items() if is_done(record)}
    failures = [
        {
            "label": run.label,
            "key": run.key,
            "reason": records[run.key]["failure"]["message"].splitlines()[0],
        }
        for run in runs
        if run.key in records and run.key not in done
    ]
    tables = [suite_table(suite, runs, records, metric=metric) for metric in METRICS]
    return {
        "title": suite_title(suite),
        "suite": suite.name,
        "variant": suite.variant,
        "version": noisyseg.__version__,
        "numbers": _numbers(
            suite, runs, done=sum(run.key in done for run in runs), failed=len(failures)
        ),
        "notes": suite.notes,
        "power": _power(runs, records),
        "tables": [_table(table) for table in tables if (table.cells["n"] > 0).any()],
        "figures": [
            {"source": picture(drawn.contents["png"]), "caption": drawn.caption}
            for drawn in pictures(results, ["png"])
        ],
        "match": None if suite.published is None else suite_match(suite, runs, records),
        "noise": _noise(runs, done),
        "failures": failures,
        "environments": _environments(done.values()),
        "records": [_record_row(run, records.get(run.key)) for run in runs],
    }


def _numbers(suite: Suite, runs: Sequence[Run], *, done: int, failed: int) -> dict[str, Any]:
    return {
        "runs": len(runs),
        "done": done,
        "failed": failed,
        "seeds": ", ".join(map(str, dict.fromkeys(run.seed_label for run in runs))),
        "data": ", ".join(sorted({run.spec["data"]["name"] for run in runs})),
        "model": suite.model.name,
        "protocol": suite.protocol["name"],
    }


def _power(runs: Sequence[Run], records: Mapping[str, Record]) -> dict[str, Any] | None:
    """What the seeds can tell of mask AP; None before any run is done."""
    values = suite_values(runs, records, DEFAULT)
    settings = [setting for setting in suite_power(values) if setting.methods]
    if not settings:
        return None
    return {
        "how": HOW,
        "settings": [setting.noise for setting in settings],
        "rows": [row for row in power_rows(settings) if any(cell != NONE for cell in row[1:])],
        "remarks": power_lines(settings),
    }


def _table(table: Table) -> str:
    """Headed by what its numbers are; title and notes are the page's."""
    return render(replace(table, title=table.value_name, value_name="Cells", notes=[]), "html")


def _noise(runs: Sequence[Run], done: Mapping[str, Record]) -> list[dict[str, Any]]:
    """A row for each noisy annotation file that a finished run was trained on."""
    rows: dict[str | None, dict[str, Any]] = {}
    for run in runs:
        counts = noise_counts(run) if run.key in done else None
        if counts is None:
            continue
        checksum = done[run.key]["checksums"]["manifest"]
        if checksum in rows:
            continue
        rows[checksum] = {
            "label": run.noise_label,
            "seed": run.noise_seed,
            "steps": noise_name(run.spec["noise"]),
            "annotations": counts.noisy,
            "changed": counts.class_changed,
            "share": f"{100 * counts.share:.1f} %",
            "manifest": checksum,
        }
    return list(rows.values())


def _environments(records: Iterable[Record]) -> list[dict[str, Any]]:
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
