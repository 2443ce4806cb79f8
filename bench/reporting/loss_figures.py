"""Figures of what the class loss of a suite's runs did: a panel for each method."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from matplotlib.figure import Figure

from noisyseg.bench.reporting.loss_logs import Observed
from noisyseg.bench.reporting.suite_results import Draw, Setting, SuiteResults
from noisyseg.results.figures.panels import Panel
from noisyseg.results.records.loss_at_work import PAPERS_THRESHOLD, Report

MakePanels: TypeAlias = Callable[[Sequence[Panel], str], Figure]
"""Makes a figure of panels and a title."""


def of_panels(make: MakePanels, title: str, *, of_noise: bool = False) -> Draw:
    """Draws a noise setting's runs in a box head by a figure of panels.

    Args:
        make: the figure.
        title: what it shows; the setting is added.
        of_noise: whether it shows RoIs of wrong labels alone, so that clean labels have none.
    """

    def draw(results: SuiteResults, setting: Setting) -> Figure | None:
        panels = _panels(results.observed, setting)
        noisy = any(report["noisy"]["rois"] for p in panels for run in p.runs for report in run)
        return make(panels, f"{title} ({setting.label})") if noisy or not of_noise else None

    return draw


def _panels(observed: Sequence[Observed], setting: Setting) -> list[Panel]:
    by_method: dict[str, list[Sequence[Report]]] = {}
    for entry in observed:
        if entry.run.noise_label == setting.noise and setting.head < len(entry.heads):
            by_method.setdefault(entry.run.method_label, []).append(entry.heads[setting.head])
    return [Panel(label=_panel_label(label, runs), runs=runs) for label, runs in by_method.items()]


def _panel_label(method: str, runs: Sequence[Sequence[Report]]) -> str:
    gamma = runs[0][0]["gamma"]
    own = "" if gamma == PAPERS_THRESHOLD else f", γ = {gamma:g}"
    seeds = "" if len(runs) == 1 else f" ({len(runs)} seeds)"
    return f"{method}{own}{seeds}"
