"""`figures`: a suite's results and what the class loss of its runs did, as pictures and a table."""

import argparse
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from noisyseg.bench.cli.commands import choices, chosen_suite
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say
from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.suite_figures import result_figures
from noisyseg.bench.reporting.suite_table import suite_file_name
from noisyseg.bench.runs.execution import LOG
from noisyseg.bench.runs.grid import Run, check, foresee
from noisyseg.errors import InputError
from noisyseg.files import write_atomically
from noisyseg.results.figures.panels import Panel, drawn
from noisyseg.results.figures.training_figures import (
    detector_figure,
    fates_figure,
    histogram_figure,
    sizes_figure,
)
from noisyseg.results.records.loss_at_work import PAPERS_SHARES, PAPERS_THRESHOLD, Report, half_time
from noisyseg.results.records.store import RunStore, is_done
from noisyseg.results.records.training_log import NoReportsError, read_reports
from noisyseg.results.tables.loss_table import loss_table
from noisyseg.text_lines import with_path, wrapped

FOLDER = "figures"


class _Figure(NamedTuple):
    """A figure's file name and title, and whether it shows noisy RoIs alone."""

    name: str
    make: Callable[[Sequence[Panel], str], Figure]
    title: str
    of_noise: bool


_FIGURES = (
    _Figure(
        "loss-histograms", histogram_figure, "Loss of right and of wrong labels, last epoch", False
    ),
    _Figure("set-sizes", sizes_figure, "RoIs in the paper's sets", False),
    _Figure("noisy-predicted-as", fates_figure, "What RoIs of wrong labels are taken for", True),
    _Figure("pon-detector", detector_figure, "PON as a detector of wrong labels", True),
)


@dataclass(kw_only=True, slots=True, frozen=True)
class Observed:
    """A run and its reports, for each box head one an epoch."""

    run: Run
    heads: Sequence[Sequence[Report]]


def figures(arguments: argparse.Namespace) -> int:
    """Draw a suite's results; draw and tabulate what its runs' logs tell of their class loss.

    Raises:
        InputError: of no run anything can be told.
    """
    suite = chosen_suite(arguments, choices(arguments, download=False))
    store = RunStore(arguments.out)
    store.check_writable()
    runs = foresee(suite, store, *check(suite, store))
    observed, skipped, broken = observed_runs(runs, store)
    for line in (*skipped, *broken):
        say("\n".join(wrapped(line, hanging="  ")))
    folder = store.root / FOLDER / suite_file_name(suite)
    written = _draw_results(suite, runs, store, folder, arguments)
    if not observed and not written:
        raise InputError(
            f"{suite.name}: none of its {len(runs)} runs has anything to draw. Train them with "
            "`noisyseg run`, and give the same --out here."
        )
    written += _draw(observed, folder, arguments.format)
    rows = [row for entry in observed for row in _rows(entry)]
    if arguments.json:
        document = {
            "suite": suite.name,
            "variant": suite.variant,
            "paper": PAPERS_SHARES,
            "runs": rows,
            "skipped": [*skipped, *broken],
            "figures": [str(path) for path in written],
        }
        print_text(json.dumps(document, indent=2))
    elif rows:
        print_text(loss_table(rows, suite.notes))
    say(with_path(f"{len(written)} figures written to", folder))
    return SOME_FAILED if broken else DONE


def _draw_results(
    suite: Suite, runs: Sequence[Run], store: RunStore, folder: Path, arguments: argparse.Namespace
) -> list[Path]:
    """The figures of the runs' numbers; returns what was written."""
    records = {run.key: record for run in runs if (record := store.peek(run.spec)[0]) is not None}
    files = result_figures(
        suite,
        runs,
        records,
        formats=arguments.format,
        metric=arguments.metric,
        file_names=figure_file_names(list(suite.noise)),
    )
    written = []
    for name, contents in files.items():
        for kind, content in contents.items():
            written.append(folder / f"{name}.{kind}")
            write_atomically(written[-1], content)
    return written


def observed_runs(
    runs: Sequence[Run], store: RunStore
) -> tuple[list[Observed], list[str], list[str]]:
    """The runs with reports; a line for each that has none, and for each that is broken."""
    observed, skipped, broken = [], [], []
    for run in runs:
        record, problem = store.peek(run.spec)
        if problem:
            broken.append(problem)
        elif not is_done(record):
            state = "not run" if record is None else "failed"
            skipped.append(f"skipped {run.label}: {state}")
        else:
            try:
                heads = read_reports(run.folder / LOG, epochs=run.spec["protocol"]["epochs"])
            except NoReportsError as error:
                skipped.append(f"skipped {run.label}: {error}")
            except InputError as error:
                broken.append(f"error: {run.label}: {error}")
            else:
                observed.append(Observed(run=run, heads=heads))
    return observed, skipped, broken


def _draw(observed: Sequence[Observed], folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write every figure of the runs' logs; returns what was written."""
    written = []
    for name, contents in drawn_observed(observed, formats).items():
        for kind, content in contents.items():
            written.append(folder / f"{name}.{kind}")
            write_atomically(written[-1], content)
    return written


def drawn_observed(
    observed: Sequence[Observed], formats: Sequence[str]
) -> dict[str, dict[str, bytes]]:
    """Every figure of each noise setting and box head, as file name → format → bytes."""
    files = {}
    for noise, file_name in figure_file_names(
        [entry.run.noise_label for entry in observed]
    ).items():
        chosen = [entry for entry in observed if entry.run.noise_label == noise]
        heads = max(len(entry.heads) for entry in chosen)
        for head in range(heads):
            setting, ending = noise, file_name
            if heads > 1:
                setting += f", stage {head + 1} of {heads}"
                ending += f"-stage{head + 1}"
            for name, contents in _drawn_figures(_panels(chosen, head), setting, formats):
                files[f"{name}-{ending}"] = contents
    return files


def _drawn_figures(
    panels: Sequence[Panel], setting: str, formats: Sequence[str]
) -> Iterator[tuple[str, dict[str, bytes]]]:
    noisy = any(report["noisy"]["rois"] for p in panels for run in p.runs for report in run)
    for figure in _FIGURES:
        if noisy or not figure.of_noise:
            yield figure.name, drawn(figure.make, panels, f"{figure.title} ({setting})", formats)


def _panels(observed: Sequence[Observed], head: int) -> list[Panel]:
    by_method: dict[str, list[Sequence[Report]]] = {}
    for entry in observed:
        if head < len(entry.heads):
            by_method.setdefault(entry.run.method_label, []).append(entry.heads[head])
    return [Panel(label=_panel_label(label, runs), runs=runs) for label, runs in by_method.items()]


def _panel_label(method: str, runs: Sequence[Sequence[Report]]) -> str:
    gamma = runs[0][0]["gamma"]
    own = "" if gamma == PAPERS_THRESHOLD else f", γ = {gamma:g}"
    seeds = "" if len(runs) == 1 else f" ({len(runs)} seeds)"
    return f"{method}{own}{seeds}"


def figure_file_names(labels: Sequence[str]) -> dict[str, str]:
    """A file name for each label; what labels may contain, file names may not."""
    names: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        name = re.sub(r"[^\w.+-]+", "_", label).strip("._") or "noise"
        taken = {used.casefold() for used in names.values()}
        free = (name if number == 1 else f"{name}-{number}" for number in count(1))
        names[label] = next(name for name in free if name.casefold() not in taken)
    return names


def _rows(entry: Observed) -> list[dict[str, Any]]:
    """A row for each box head."""
    run = entry.run
    return [
        {
            "key": run.key,
            "method": run.method_label,
            "noise": run.noise_label,
            "seed": run.seed_label,
            "head": head + 1,
            "heads": len(entry.heads),
            "epochs": len(epochs),
            "half_time": _statistics(epochs, half_time(len(epochs))),
            "last": _statistics(epochs, len(epochs) - 1),
        }
        for head, epochs in enumerate(entry.heads)
    ]


def _statistics(epochs: Sequence[Report], epoch: int) -> dict[str, Any]:
    report = epochs[epoch]
    parts = ("gamma", "sets", "figure5", "detector", "noisy_shares")
    rois = {group: report[group]["rois"] for group in ("clean", "noisy", "unknown")}
    return {"epoch": epoch, "rois": rois, **{part: report[part] for part in parts}}
