"""What the seeds of a store tell of a suite, for the commands that ask; nothing is written."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from noisyseg.bench.cli.output import say
from noisyseg.bench.cli.suite_choice import SuiteChoice
from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.loss_logs import loss_logs
from noisyseg.bench.reporting.setting_power import SettingPower
from noisyseg.bench.reporting.suite_power import comparable, drawn_images, suite_power
from noisyseg.bench.reporting.suite_seeds import methods_there, seeds_there
from noisyseg.bench.reporting.suite_values import suite_values
from noisyseg.bench.runs.grid import foresee
from noisyseg.bench.runs.inputs import check
from noisyseg.bench.runs.left_out import left_out
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore
from noisyseg.results.statistics.fates import FATES
from noisyseg.results.statistics.spread import Layout


def measured_power(
    choice: SuiteChoice,
    suite: Suite,
    store: RunStore,
    *,
    metric: str = DEFAULT,
    baseline: str | None = None,
    draws: int = 0,
) -> list[SettingPower]:
    """What a suite's seeds tell: all that the store has of it, unless some are chosen.

    Args:
        choice: of the suite.
        suite: that is chosen.
        store: of its records.
        metric: one of `ALL_METRICS`.
        baseline: label of the one method that others are compared with; None: each with each.
        draws: of evaluation images, which tell their part of mask AP's spread; 0: not asked for.

    Raises:
        InputError: an unusable suite or data, or predictions that are asked for and gone.
    """
    if not (choice.seeds or choice.noise_seeds):
        suite = replace(suite, seeds=seeds_there(suite, store))
    runs = foresee(suite, store, *check(suite, store))
    records = _records(runs, store)

    def drawn(noise: str, layout: Layout) -> NDArray[np.float64]:
        of_noise = [run for run in runs if run.noise_label == noise]
        return drawn_images(layout, of_noise, records, draws=draws)

    others = [name for name in methods_there(suite, store) if name not in suite.methods]
    if others:
        say(f"left out: {', '.join(others)}, which the store has, too: --methods names them")
    if metric in FATES:
        for line in loss_logs([run for run in runs if run.spec["noise"]], store).silent:
            say(line)
    for line in left_out(runs, store):
        say(line)
    values = comparable(suite_values(runs, records, metric), metric, suite)
    asked = drawn if draws and metric == DEFAULT else None
    return suite_power(values, methods=list(suite.methods), baseline=baseline, drawn=asked)


def _records(runs: Sequence[Run], store: RunStore) -> dict[str, Record]:
    """Records by key; those that do not hold are named, and stay where they are."""
    found = {entry.key: store.peek(entry.spec) for entry in runs}
    for _, problem in found.values():
        if problem:
            say(problem)
    return {key: record for key, (record, _) in found.items() if record is not None}
