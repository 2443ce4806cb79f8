"""Mean, spread and interval of every metric over an entry's runs."""

import math
from collections.abc import Hashable, Sequence
from functools import cache
from statistics import fmean
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from noisyseg.results.leaderboard.entry import EntryRun
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.statistics.crossed import describe_runs
from noisyseg.results.statistics.intervals import TAILS


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
    names = list(dict.fromkeys(name for run in runs for name in run.metrics))
    values = np.array(
        [[run.metrics.get(name) for name in names] for run in runs], dtype=np.float64
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
        found[DEFAULT] = _with_interval(runs, found[DEFAULT].sd)
    return found


def _with_interval(runs: Sequence[EntryRun], sd: float | None) -> Summary:
    """Mask AP as the tables of a suite have it, seeds in common taken into account."""
    own: dict[Hashable, float] = {
        _seeds(run, place): value
        for place, run in enumerate(runs)
        if (value := run.metrics[DEFAULT]) is not None
    }
    if _share(runs):
        told = describe_runs(own)
        return Summary(n=told.n, mean=told.mean, sd=told.sd, low=told.low, high=told.high)
    n, mean = len(own), fmean(own.values())
    if sd is None:
        return Summary(n=n, mean=mean)
    half = _student(n) * sd / math.sqrt(n)
    return Summary(n=n, mean=mean, sd=sd, low=mean - half, high=mean + half)


@cache
def _student(n: int) -> float:
    return float(stdtrit(n - 1, TAILS[1]))


def _share(runs: Sequence[EntryRun]) -> bool:
    """Whether some noise seed or train seed is that of several runs."""
    kinds = [[run.noise_seed for run in runs], [run.train_seed for run in runs]]
    return any(len({*kind} - {None}) < len(kind) - kind.count(None) for kind in kinds)


def _seeds(run: EntryRun, place: int) -> tuple[int | None, int]:
    """As `describe_runs` wants them; of an unknown training, each run stands for itself."""
    return (None, place) if run.train_seed is None else (run.noise_seed, run.train_seed)
