"""What the page of a suite shows: its tables, figures, match, noise, failures and records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

import noisyseg
from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.closing_sentence import damage_sentence
from noisyseg.bench.reporting.figures import pictures
from noisyseg.bench.reporting.findings import headline, lead_rows, leads
from noisyseg.bench.reporting.noise_counts import noise_counts
from noisyseg.bench.reporting.page_comparison import page_comparison
from noisyseg.bench.reporting.page_tables import left_out_texts, page_tables
from noisyseg.bench.reporting.power_page import HOW, power_lines, power_rows
from noisyseg.bench.reporting.suite_match import suite_match
from noisyseg.bench.reporting.suite_power import suite_power
from noisyseg.bench.reporting.suite_results import SuiteResults
from noisyseg.bench.reporting.suite_table import suite_table, suite_title
from noisyseg.bench.reporting.suite_values import ALL_METRICS, suite_values
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.metrics import DEFAULT, metric_value
from noisyseg.results.records.noise_name import noise_name
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done
from noisyseg.results.report.drawing import drawing
from noisyseg.results.report.page import NONE
from noisyseg.results.tables.formats import render
from noisyseg.results.tables.shown_table import Table

UNIT = "mask AP"
"""Of the headline's differences."""
_NAMED_SEEDS = 6


def suite_page(results: SuiteResults) -> dict[str, Any]:
    """What the page of a suite shows, as `results.report.suite_report` lays it out."""
    suite, runs, records = results.suite, results.runs, results.records
    done = {key: record for key, record in records.items() if is_done(record)}
    tables = page_tables(results)
    return {
        "title": suite_title(suite),
        "suite": suite.name,
        "variant": suite.variant,
        "version": noisyseg.__version__,
        "numbers": _numbers(suite, runs, done=sum(run.key in done for run in runs)),
        "notes": suite.notes,
        **_findings(results),
        "comparison": page_comparison(suite, runs, records),
        "main": _table(tables.shown.pop(DEFAULT)) if DEFAULT in tables.shown else None,
        "tables": [_table(table) for table in tables.shown.values()],
        "left_out": left_out_texts(tables, ALL_METRICS),
        **_figures(results),
        "match": None if suite.published is None else suite_match(suite, runs, records),
        "noise": _noise(runs, done),
        "failures": _failures(runs, records),
        "environments": _environments(done.values()),
        "records": [_record_row(run, records.get(run.key)) for run in runs],
    }


def _numbers(suite: Suite, runs: Sequence[Run], *, done: int) -> dict[str, Any]:
    seeds = list(dict.fromkeys(str(run.seed_label) for run in runs))
    named = f" ({', '.join(seeds)})" if len(seeds) <= _NAMED_SEEDS else ""
    return {
        "runs done": f"{done} of {len(runs)}",
        "seed" if len(seeds) == 1 else "seeds": f"{len(seeds)}{named}",
        "data": ", ".join(sorted({run.spec["data"]["name"] for run in runs})),
        "model": suite.model.name,
        "protocol": suite.protocol["name"],
    }


def _findings(results: SuiteResults) -> dict[str, Any]:
    """What was found of methods and of noise, and what the seeds can tell, all by mask AP.

    `power` is None before any run is done.
    """
    suite, runs, records = results.suite, results.runs, results.records
    settings = [s for s in suite_power(suite_values(runs, records, DEFAULT)) if s.methods]
    found = leads(suite_table(suite, runs, records), settings)
    power = {
        "how": HOW,
        "settings": [setting.noise for setting in settings],
        "rows": [row for row in power_rows(settings) if any(cell != NONE for cell in row[1:])],
        "remarks": power_lines(settings),
    }
    return {
        "headline": headline(found, UNIT),
        "damage": damage_sentence(suite, runs, records),
        "ahead": lead_rows([lead for lead in found if not lead.silence]),
        "power": power if settings else None,
    }


def _figures(results: SuiteResults) -> dict[str, Any]:
    """Pictures of the suite, of its noise, and of training by noise setting."""
    found: dict[str, Any] = {"suite": [], "noise": [], "head": {}}
    for number, drawn in enumerate(pictures(results, ["svg"])):
        entry = {
            "id": f"figure-{number}",
            "caption": drawn.caption,
            **drawing(drawn.contents["svg"])._asdict(),
        }
        if drawn.per == "head":
            found["head"].setdefault(drawn.noise, []).append(entry)
        else:
            found[drawn.per].append(entry)
    return {"figures": found["suite"], "details": found["noise"], "training": found["head"]}


def _failures(runs: Sequence[Run], records: Mapping[str, Record]) -> list[dict[str, str]]:
    return [
        {
            "label": run.label,
            "key": run.key,
            "reason": records[run.key]["failure"]["message"].splitlines()[0],
        }
        for run in runs
        if run.key in records and not is_done(records[run.key])
    ]


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
        "average": metric_value(metrics, DEFAULT) if metrics else None,
        "tool": (metrics or {}).get("tool") or "—",
        "difference": f"{verified['largest_difference']:.1e}" if verified else "—",
    }
