"""What the seeds of a noise setting can tell, as data."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from noisyseg.bench.runs.run import label_of_seeds
from noisyseg.number_text import decimal
from noisyseg.results.report.page import NONE
from noisyseg.results.statistics.differences import Difference, Differences
from noisyseg.results.statistics.spread import Layout, Range, Spread


@dataclass(kw_only=True, slots=True, frozen=True)
class SeedsNeeded:
    """Seeds that see a true difference at 80 % power; None: more than can be told.

    Attributes:
        seeds: by the spreads that the measured one may truly be.
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
        methods: that have a number, with how many seeds.
        missing: methods of the suite that have none.
        repeats: whether some method has runs that share a noise seed or a train seed.
        baseline: the method that each is compared with; None: each with each.
        differences: of the methods, each pair at the seeds that it shares.
        layout: the methods and seeds that spread and reliability are of.
        cell: standard deviation of a cell over seeds, pooled over methods; NaN if unknown.
        spread: None for fewer than two methods or two seeds, and where none was measured.
        sd_noise, sd_train, sd_rest: of a cell, by noise seeds alone, by train seeds alone and by
            neither, pooled over the methods whose runs tell them apart; NaN where there are none.
        images_cell, images_difference: standard deviations by evaluation images; NaN if unknown.
        seen: the smallest true difference that the seeds of a pair see at 80 % power, of the pair
            that is seen best and of the one that is seen worst; None without any.
        needed: seeds for each of `DIFFERENCES`.
    """

    noise: str
    methods: Mapping[str, int]
    missing: Sequence[str]
    repeats: bool
    baseline: str | None
    differences: Differences
    layout: Layout
    cell: float
    spread: Spread | None
    sd_noise: float
    sd_train: float
    sd_rest: float
    images_cell: float
    images_difference: float
    seen: tuple[float, float] | None
    needed: Sequence[SeedsNeeded]

    @property
    def apart(self) -> list[Difference]:
        """The pairs that these seeds tell apart."""
        return [pair for pair in self.differences.known if pair.apart]

    @property
    def significant(self) -> tuple[float, float] | None:
        """The smallest measured difference that is told from 0, of the best pair and the worst."""
        halves = [pair.half for pair in self.differences.known]
        return (min(halves), max(halves)) if halves else None

    @property
    def silence(self) -> str:
        """Why nothing is known of how methods differ; empty where something is."""
        if self.significant is not None:
            return ""
        if self.baseline is not None and self.baseline not in self.methods:
            return f"{self.baseline} has no number"
        if self.differences.constant:
            return "these seeds gave the same differences, no spread was measured"
        if max(self.methods.values(), default=0) < 2:
            return "one seed tells nothing of that"
        if self.repeats:
            return "runs that share a noise seed or a train seed are one draw"
        return "no two methods share two seeds"

    def document(self) -> dict[str, Any]:
        """All of it as data, for JSON; what is not known is None."""
        found = asdict(self) | {
            "pairs": self.differences.pairs,
            "tested": len(self.differences.known),
            "prior_degrees": _degrees(self.differences.prior.degrees),
            "differences": [
                asdict(pair) | {"apart": pair.apart} for pair in self.differences.known
            ],
            "significant": self.significant,
            "compared": list(self.layout.methods),
            "seeds": list(map(str_of_seed, self.layout.seeds)),
            "left_out": [[m, str_of_seed(seed)] for m, seed in self.layout.left_out],
        }
        del found["layout"]
        plain: dict[str, Any] = _plain(found)
        return plain


def _degrees(value: float) -> float | str:
    return "infinite" if math.isinf(value) else value


def str_of_seed(seed: Hashable) -> str:
    """A seed as runs are labelled: one number, or noise seed and train seed where they differ."""
    if not isinstance(seed, tuple):
        return str(seed)
    return str(label_of_seeds(*seed))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, Range):
        return {name: _plain(entry) for name, entry in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return value + 0.0 if math.isfinite(value) else None  # a zero without its minus
    return value


def from_to(ends: tuple[float, float] | None) -> str:
    """A number, or from the smallest to the largest where they differ."""
    if ends is None:
        return NONE
    low, high = (decimal(end) for end in ends)
    return low if low == high else f"{low} to {high}"
