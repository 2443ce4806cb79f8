"""The figures of a suite's results: its numbers, what its noise did, and what each class lost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.noise_rates import noise_rates
from noisyseg.bench.reporting.suite_results import Setting, SuiteResults
from noisyseg.bench.runs.run import MANIFEST, Run
from noisyseg.noise.files.manifest_file import read_manifest
from noisyseg.noise.files.manifest_queries import class_names, realised_matrix
from noisyseg.noise.manifest import Manifest
from noisyseg.results.figures.noise_figures import most_changed, transition_drawing
from noisyseg.results.figures.rate_figure import rate_figure
from noisyseg.results.figures.value_maps import class_figure, map_figure
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done


def noise_rate_figure(results: SuiteResults, _: Setting) -> Figure | None:
    """The metric against the noise rate; None where no noise has one."""
    rates = noise_rates(results.runs)
    return rate_figure(results.table, rates, results.heading) if any(rates.values()) else None


def methods_figure(results: SuiteResults, _: Setting) -> Figure:
    """The metric of every method at every noise setting."""
    return map_figure(results.table, results.heading)


def class_losses_figure(results: SuiteResults, setting: Setting) -> Figure | None:
    """What each class lost to the noise; None where that is not known of any."""
    losses = class_losses(results.suite, results.runs, results.records, setting.noise)
    if not np.isfinite(losses).any():
        return None
    classes = results.runs[0].spec["data"]["classes"]
    title = f"What each class lost: {setting.label}"
    return class_figure(losses, list(results.suite.methods), classes, title)


def transitions_figure(kind: str, results: SuiteResults, setting: Setting) -> Figure | None:
    """The noise's "intended" or "realised" transition matrix; None where there is none.

    Both have one scale of colours.
    """
    found = _matrices(results.runs, results.records, setting.noise)
    if kind not in found:
        return None
    return transition_drawing(
        found[kind]["matrix"],
        found[kind]["names"],
        rows="true class",
        columns=f"given class ({kind})",
        most=most_changed(*(entry["matrix"] for entry in found.values())),
    )


def class_losses(
    suite: Suite, runs: Sequence[Run], records: Mapping[str, Record], noise: str
) -> NDArray[np.float64]:
    """Mask AP of each class under the noise minus that without, in points, over the same seeds.

    Returns:
        Shape (methods, K); NaN where one of the two is not known.
    """
    classes = runs[0].spec["data"]["classes"]
    clean = {
        (run.method_label, run.seed): _of_classes(records.get(run.key), classes)
        for run in runs
        if run.spec["noise"] is None
    }
    losses = np.full((len(suite.methods), len(classes)), np.nan)
    for place, method in enumerate(suite.methods):
        gaps = [
            _of_classes(records.get(run.key), classes) - clean[method, run.seed]
            for run in runs
            if (run.method_label, run.noise_label) == (method, noise)
            and run.spec["noise"] is not None
            and (method, run.seed) in clean
        ]
        for column in range(len(classes)):
            known = [gap[column] for gap in gaps if np.isfinite(gap[column])]
            if known:
                losses[place, column] = np.mean(known)
    return losses


def _of_classes(record: Record | None, classes: Sequence[str]) -> NDArray[np.float64]:
    if record is None or not is_done(record):
        return np.full(len(classes), np.nan)
    per_class = record["metrics"].get("per_class", {})
    found = [per_class.get(name, {}).get("segm") for name in classes]
    return np.array([np.nan if value is None else value for value in found], dtype=np.float64)


def _matrices(
    runs: Sequence[Run], records: Mapping[str, Record], noise: str
) -> dict[str, dict[str, Any]]:
    """Intended and realised transition matrix of a noise setting, by its first finished run."""
    for run in runs:
        path = run.folder / MANIFEST
        if run.noise_label == noise and is_done(records.get(run.key)) and path.is_file():
            return transitions(read_manifest(path))
    return {}


def transitions(manifest: Manifest) -> dict[str, dict[str, Any]]:
    """The intended matrix, if the noise is one step that has one, and the realised matrix.

    Returns:
        "intended" and "realised" → {names, matrix}; a row without annotations is None.
    """
    names = class_names(manifest)
    found: dict[str, dict[str, Any]] = {
        "realised": {"names": names, "matrix": realised_matrix(manifest, names)}
    }
    steps = manifest["steps"]
    if len(steps) == 1 and steps[0].get("expected_matrix") is not None:
        found["intended"] = {"names": names, "matrix": steps[0]["expected_matrix"]}
    return found
