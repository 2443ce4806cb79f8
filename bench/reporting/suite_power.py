"""How well a suite's seeds tell its methods apart, a noise setting at a time."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noisyseg.bench.reporting.comparison import matches_of
from noisyseg.bench.reporting.suite_values import Values
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError
from noisyseg.results.evaluation.image_matches import Matches
from noisyseg.results.records.record import Record
from noisyseg.results.statistics.bootstrap import drawn_precisions
from noisyseg.results.statistics.intervals import components, is_product
from noisyseg.results.statistics.power import (
    Layout,
    Range,
    Spread,
    comparisons,
    images_part,
    layout_of,
    least_seen,
    least_significant,
    seeds_needed,
    spread_of,
)

DIFFERENCES = (1.0, 2.0, 4.0)
"""In AP: what power is told for."""


@dataclass(kw_only=True, slots=True, frozen=True)
class SeedsNeeded:
    """Seeds that see a true difference at 80 % power; None: more than can be told.

    Attributes:
        seeds: by the spread that was measured.
        low, high: by the ends of that spread's 95 % interval.
    """

    difference: float
    seeds: int | None
    low: int | None
    high: int | None


@dataclass(kw_only=True, slots=True, frozen=True)
class SettingPower:
    """What the seeds of a noise setting can tell.

    Attributes:
        noise: its label.
        layout: the methods at the seeds that all of them have.
        pairs: comparisons that share the 5 %.
        spread: None for fewer than two methods or two seeds: nothing is known then.
        sd_noise, sd_train: of a cell, by noise seeds and by train seeds alone, pooled over methods;
            NaN without a full product of them.
        images_cell, images_difference: standard deviations by evaluation images; NaN if unknown.
        least_seen: the smallest true difference that these seeds see at 80 % power.
        least_significant: the smallest measured difference of means that they tell from 0.
        needed: seeds for each of `DIFFERENCES`.
    """

    noise: str
    layout: Layout
    pairs: int
    spread: Spread | None
    sd_noise: float
    sd_train: float
    images_cell: float
    images_difference: float
    least_seen: float
    least_significant: float
    needed: Sequence[SeedsNeeded]

    def document(self) -> dict[str, Any]:
        """All of it as data, for JSON; what is not known is None."""
        found = asdict(self) | {
            "methods": list(self.layout.methods),
            "seeds": list(map(str_of_seed, self.layout.seeds)),
            "left_out": [[m, str_of_seed(seed)] for m, seed in self.layout.left_out],
        }
        del found["layout"]
        plain: dict[str, Any] = _plain(found)
        return plain


def suite_power(
    values: Values,
    *,
    baseline: bool = False,
    drawn: Callable[[str, Layout], NDArray[np.float64]] | None = None,
) -> list[SettingPower]:
    """What the seeds of each noise setting can tell.

    Args:
        values: of a suite's runs.
        baseline: whether methods are compared with one of them alone, not each with each.
        drawn: numbers of a noise setting's layout by draws of images, shape (draws, M, n); None:
            not asked for.
    """
    known: dict[str, dict[str, dict[Hashable, float]]] = {}
    for (method, noise), cell in values.items():
        known.setdefault(noise, {})[method] = {
            seed: value for seed, (_, value) in cell.items() if math.isfinite(value)
        }
    found = []
    for noise, of_methods in known.items():
        layout = layout_of(of_methods)
        images = (math.nan, math.nan)
        if drawn is not None and len(layout.methods) > 1 and layout.seeds:
            images = images_part(drawn(noise, layout))
        found.append(_of_setting(noise, layout, images, baseline=baseline))
    return found


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


def str_of_seed(seed: Hashable) -> str:
    """A seed as runs are labelled: one number, or noise seed and train seed where they differ."""
    if not isinstance(seed, tuple):
        return str(seed)
    noise, train = seed
    return str(train) if noise in (None, train) else f"{noise}/{train}"


def _of_setting(
    noise: str, layout: Layout, images: tuple[float, float], *, baseline: bool
) -> SettingPower:
    methods, seeds = len(layout.methods), len(layout.seeds)
    pairs = comparisons(methods, baseline=baseline)
    spread = spread_of(layout.values) if min(methods, seeds) > 1 else None
    sd_noise, sd_train = _of_both_seeds(layout)
    own = {"methods": methods, "pairs": pairs}
    sd = None if spread is None else spread.difference
    return SettingPower(
        noise=noise,
        layout=layout,
        pairs=pairs,
        spread=spread,
        sd_noise=sd_noise,
        sd_train=sd_train,
        images_cell=images[0],
        images_difference=images[1],
        least_seen=math.nan if sd is None else least_seen(sd.value, seeds=seeds, **own),
        least_significant=math.nan
        if sd is None
        else least_significant(sd.value, seeds=seeds, **own),
        needed=[] if sd is None else [needed_for(d, sd, **own) for d in DIFFERENCES],
    )


def needed_for(difference: float, sd: Range, *, methods: int, pairs: int) -> SeedsNeeded:
    """Seeds that see a true difference, by a measured spread and by the ends of its interval."""
    seeds, low, high = (
        seeds_needed(difference, value, methods=methods, pairs=pairs) for value in sd
    )
    return SeedsNeeded(difference=difference, seeds=seeds, low=low, high=high)


def _of_both_seeds(layout: Layout) -> tuple[float, float]:
    if not is_product(layout.seeds):
        return math.nan, math.nan
    parts = [
        components(dict(zip(layout.seeds, row, strict=True)))  # type: ignore[arg-type]
        for row in layout.values.tolist()
    ]
    return (
        math.sqrt(float(np.mean([part.sd_noise**2 for part in parts]))),
        math.sqrt(float(np.mean([part.sd_train**2 for part in parts]))),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, Range):
        return {name: _plain(entry) for name, entry in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
