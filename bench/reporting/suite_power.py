"""How well a suite's seeds tell its methods apart, a noise setting at a time."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.run_matches import matches_of
from noisyseg.bench.reporting.setting_power import SeedsNeeded, SettingPower
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError
from noisyseg.results.evaluation.image_matches import Matches
from noisyseg.results.records.record import Record
from noisyseg.results.statistics.bootstrap import drawn_precisions
from noisyseg.results.statistics.crossed import describe_runs
from noisyseg.results.statistics.derived import RELATIVE
from noisyseg.results.statistics.differences import Differences, differences_of, independent
from noisyseg.results.statistics.power import (
    Design,
    least_seen,
    likely_spreads,
    seeds_needed,
)
from noisyseg.results.statistics.spread import (
    Layout,
    Range,
    cell_spread,
    images_part,
    layout_of,
    spread_of,
)
from noisyseg.results.tables.table import Cells, known_numbers

DIFFERENCES = (1.0, 2.0, 4.0)
"""In AP: what power is told for."""


def suite_power(
    values: Cells,
    *,
    methods: Sequence[str] = (),
    baseline: str | None = None,
    drawn: Callable[[str, Layout], NDArray[np.float64]] | None = None,
) -> list[SettingPower]:
    """What the seeds of each noise setting can tell.

    Args:
        values: of a suite's runs.
        methods: of the suite, those included that have no run at all.
        baseline: the one method that others are compared with; None: each with each.
        drawn: numbers of a noise setting's layout by draws of images, shape (draws, M, n); None:
            not asked for.
    """
    return [
        _of_setting(noise, of_methods, methods, baseline=baseline, drawn=drawn)
        for noise, of_methods in known_numbers(values).items()
    ]


def comparable(values: Cells, metric: str, suite: Suite) -> Cells:
    """Without the cells that say nothing: with clean labels relative AP is 100 by definition.

    Args:
        values: of a suite's runs by a metric.
        metric: one of `ALL_METRICS`.
        suite: whose noise settings they are of.
    """
    if metric != RELATIVE:
        return values
    return {cell: own for cell, own in values.items() if suite.noise[cell[1]] is not None}


def drawn_images(
    layout: Layout, runs: Sequence[Run], records: Mapping[str, Record], *, draws: int
) -> NDArray[np.float64]:
    """Mask AP of every run of a layout by draws of images, the same for all; (draws, M, n).

    Args:
        layout: of a noise setting.
        runs: of that setting.
        records: by key.
        draws: of images.

    Raises:
        InputError: predictions that are gone or changed.
    """

    def of(run: Run) -> NDArray[np.float64]:
        try:
            matches: Matches = matches_of(run, records[run.key])
        except InputError as error:
            raise InputError(f"{error} --draws 0 tells the rest.") from error
        return drawn_precisions(matches, draws=draws, seed=0)

    places: dict[tuple[str, Hashable], Run] = {(run.method_label, run.seeds): run for run in runs}
    table = [[of(places[method, seed]) for seed in layout.seeds] for method in layout.methods]
    return np.moveaxis(np.array(table), -1, 0)


def _of_setting(
    noise: str,
    values: Mapping[str, Mapping[Hashable, float]],
    methods: Sequence[str],
    *,
    baseline: str | None,
    drawn: Callable[[str, Layout], NDArray[np.float64]] | None,
) -> SettingPower:
    differences = differences_of(values, baseline=baseline)
    layout = layout_of(values)
    prior = differences.prior.degrees
    spread = spread_of(layout.values, prior=prior) if min(layout.values.shape) > 1 else None
    if spread is not None and not spread.difference.value:
        spread = None  # the same differences with every seed: no spread was measured
    images = (math.nan, math.nan)
    if drawn is not None and layout.seeds:
        images = images_part(drawn(noise, layout))
    present = {method: len(own) for method, own in values.items() if own}
    sd_noise, sd_train, sd_rest = _sources(values)
    design = Design(
        methods=max(differences.methods, 2), pairs=max(len(differences.known), 1), prior=prior
    )
    return SettingPower(
        noise=noise,
        methods=present,
        missing=[method for method in methods or values if method not in present],
        repeats=any(len(independent(own)) < len(own) for own in values.values()),
        baseline=baseline,
        differences=differences,
        layout=layout,
        cell=cell_spread(values),
        spread=spread,
        sd_noise=sd_noise,
        sd_train=sd_train,
        sd_rest=sd_rest,
        images_cell=images[0],
        images_difference=images[1],
        seen=_seen(differences, design),
        needed=[needed_for(d, (spread.difference, spread.degrees), design) for d in DIFFERENCES]
        if spread is not None and differences.known
        else [],
    )


def needed_for(difference: float, spread: tuple[Range, float], design: Design) -> SeedsNeeded:
    """Seeds that see a true difference, by a measured spread and by the ends of its interval.

    Args:
        difference: in AP, above 0.
        spread: standard deviation of a difference at equal seeds, and its degrees of freedom.
        design: the comparison.
    """
    sd, degrees = spread
    seeds, low, high = (
        seeds_needed(difference, sds, design)
        for sds in (likely_spreads(sd.value, degrees), [sd.low], [sd.high])
    )
    return SeedsNeeded(difference=difference, seeds=seeds, low=low, high=high)


def _seen(differences: Differences, design: Design) -> tuple[float, float] | None:
    found = {
        (pair.sd, pair.seeds): least_seen(pair.sd, seeds=pair.seeds, design=design)
        for pair in differences.known
    }
    return (min(found.values()), max(found.values())) if found else None


def _sources(values: Mapping[str, Mapping[Hashable, float]]) -> tuple[float, float, float]:
    """Spread of a cell by noise seeds, train seeds and the rest, pooled over methods."""
    told = [describe_runs(own) for own in values.values() if own]
    known = [(d.sd_noise, d.sd_train, d.sd_rest) for d in told if d.sd_noise is not None]
    if not known:
        return math.nan, math.nan, math.nan
    noise, train, rest = np.sqrt(np.square(np.array(known, dtype=float)).mean(axis=0)).tolist()
    return noise, train, rest
