"""What the seeds of a store tell of a suite, for the commands that ask; nothing is written."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from noisyseg.bench.cli.output import say
from noisyseg.bench.cli.suite_runs import known_records
from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.loss_logs import loss_logs
from noisyseg.bench.reporting.setting_power import SettingPower
from noisyseg.bench.reporting.suite_power import comparable, drawn_images, suite_power
from noisyseg.bench.reporting.suite_values import suite_values
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.records.store import RunStore
from noisyseg.results.statistics.fates import FATES
from noisyseg.results.statistics.spread import Layout


def measured_power(
    suite: Suite,
    runs: Sequence[Run],
    store: RunStore,
    *,
    metric: str = DEFAULT,
    baseline: str | None = None,
    draws: int = 0,
) -> list[SettingPower]:
    """What a suite's seeds tell.

    Args:
        suite, runs, store: as `suite_runs.foreseen` gives them.
        metric: one of `ALL_METRICS`.
        baseline: label of the one method that others are compared with; None: each with each.
        draws: of evaluation images, which tell their part of mask AP's spread; 0: not asked for.

    Raises:
        InputError: predictions that are asked for and gone.
    """
    records = known_records(runs, store)

    def drawn(noise: str, layout: Layout) -> NDArray[np.float64]:
        of_noise = [run for run in runs if run.noise_label == noise]
        return drawn_images(layout, of_noise, records, draws=draws)

    if metric in FATES:
        noisy = [run for run in runs if run.spec["noise"] and run.key in records]
        for line in loss_logs(noisy, store).silent:
            say(line)
    values = comparable(suite_values(runs, records, metric), metric, suite)
    asked = drawn if draws and metric == DEFAULT else None
    return suite_power(values, methods=list(suite.methods), baseline=baseline, drawn=asked)
