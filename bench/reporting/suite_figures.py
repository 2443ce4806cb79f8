"""The figures of a suite's results: its numbers, what its noise did, and what each class lost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.suite_table import suite_table, suite_title
from noisyseg.bench.runs.execution import MANIFEST
from noisyseg.bench.runs.grid import Run
from noisyseg.noise.files.manifest import Manifest
from noisyseg.noise.files.manifest_file import read_manifest
from noisyseg.noise.files.manifest_queries import class_names, realised_matrix
from noisyseg.results.figures.noise_figures import transition_drawing
from noisyseg.results.figures.panels import rendered
from noisyseg.results.figures.result_figures import class_figure, map_figure, rate_figure
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done

Files = dict[str, dict[str, bytes]]


def result_figures(
    suite: Suite,
    runs: Sequence[Run],
    records: Mapping[str, Record],
    *,
    formats: Sequence[str],
    metric: str = DEFAULT,
    file_names: Mapping[str, str],
) -> Files:
    """Every figure of what a suite's finished runs came to, as file name → format → bytes.

    Args:
        suite: whose labels they have.
        runs: of the suite.
        records: those that there are, by key.
        formats: of the files.
        metric: of the first two figures.
        file_names: noise label → what files call it.
    """
    table = suite_table(suite, runs, records, metric=metric)
    heading = f"{table.value_name.removesuffix(' (%)')} · {suite_title(suite)}"
    files: Files = {}
    if not (table.cells["n"] > 0).any():
        return files
    rates = noise_rates(runs)
    if any(rates.values()):
        files["noise-rate"] = rendered(lambda: rate_figure(table, rates, heading), formats)
    files["methods-by-noise"] = rendered(lambda: map_figure(table, heading), formats)
    for label in suite.noise:
        name = file_names[label]
        losses = class_losses(suite, runs, records, label)
        if np.isfinite(losses).any():
            files[f"class-losses-{name}"] = _class_losses(suite, runs, losses, label, formats)
        for kind, matrix in _matrices(runs, records, label).items():
            files[f"transitions-{kind}-{name}"] = _transitions(matrix, kind, formats)
    return files


def noise_rates(runs: Sequence[Run]) -> dict[str, tuple[str, float] | None]:
    """Noise label → its kind and rate; None for clean. Noise of several steps has no one rate."""
    rates: dict[str, tuple[str, float] | None] = {}
    for run in runs:
        noise = run.spec["noise"]
        if noise is None:
            rates[run.noise_label] = None
        elif len(noise["steps"]) == 1 and "rate" in noise["steps"][0]:
            step = noise["steps"][0]
            rates[run.noise_label] = (step["type"], float(step["rate"]))
    return rates


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


def _class_losses(
    suite: Suite,
    runs: Sequence[Run],
    losses: NDArray[np.float64],
    label: str,
    formats: Sequence[str],
) -> dict[str, bytes]:
    title = f"What each class lost: {label}"
    classes = runs[0].spec["data"]["classes"]
    return rendered(lambda: class_figure(losses, list(suite.methods), classes, title), formats)


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


def _transitions(entry: Mapping[str, Any], kind: str, formats: Sequence[str]) -> dict[str, bytes]:
    return rendered(
        lambda: transition_drawing(
            entry["matrix"], entry["names"], rows="true class", columns=f"given class ({kind})"
        ),
        formats,
        trimmed=True,
    )
