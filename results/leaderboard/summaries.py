"""Mean, spread and interval of every metric over an entry's runs."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from noisyseg.results.leaderboard.entry import EntryRun
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.statistics.crossed import describe_runs


class Summary(NamedTuple):
    """A metric over runs.

    Attributes:
        n: how many have it.
        mean: of them, in percent.
        sd: over runs; None of one.
        low, high: the mean's 95 % interval, of mask AP; None where it is not known.
    """

    n: int
    mean: float
    sd: float | None = None
    low: float | None = None
    high: float | None = None


def summaries(runs: Sequence[EntryRun]) -> dict[str, Summary]:
    """Metric → summary, of those that a run has."""
    names = [name for name, value in runs[0].metrics.items()] if runs else []
    values = np.array(
        [[run.metrics[name] for name in names] for run in runs], dtype=np.float64
    )  # None becomes NaN
    known = np.isfinite(values)
    counts = known.sum(axis=0)
    totals = np.where(known, values, 0.0).sum(axis=0)
    means = totals / np.maximum(counts, 1)
    squares = np.square(np.where(known, values - means, 0.0)).sum(axis=0)
    sds = np.sqrt(squares / np.maximum(counts - 1, 1))
    found = {
        name: Summary(n=n, mean=mean, sd=sd if n > 1 else None)
        for name, n, mean, sd in zip(
            names, counts.tolist(), means.tolist(), sds.tolist(), strict=True
        )
        if n
    }
    if DEFAULT in found:
        found[DEFAULT] = _with_interval(runs)
    return found


def _with_interval(runs: Sequence[EntryRun]) -> Summary:
    """Mask AP as the tables of a suite have it, seeds in common taken into account."""
    own: dict[Hashable, float] = {
        _seeds(run, place): value
        for place, run in enumerate(runs)
        if (value := run.metrics[DEFAULT]) is not None
    }
    told = describe_runs(own)
    return Summary(n=told.n, mean=told.mean, sd=told.sd, low=told.low, high=told.high)


def _seeds(run: EntryRun, place: int) -> tuple[int | None, int]:
    """As `describe_runs` wants them; of an unknown training, each run stands for itself."""
    return (None, place) if run.train_seed is None else (run.noise_seed, run.train_seed)
