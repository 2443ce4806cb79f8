"""What a comparison found at a noise setting, as data and in words."""

from collections.abc import Collection, Hashable, Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

from noisyseg.bench.reporting.setting_power import str_of_seed
from noisyseg.results.statistics.differences import Differences
from noisyseg.results.statistics.intervals import CONFIDENCE
from noisyseg.results.statistics.pair_tests import PairTest
from noisyseg.results.statistics.rankings import Ranking

ABOVE, BELOW, TIE = "above", "below", "tie"


@dataclass(kw_only=True, slots=True, frozen=True)
class SettingComparison:
    """Methods against a baseline and among each other.

    Attributes:
        noise: label of the setting.
        images: that all were evaluated on.
        draws: of them.
        baseline: a method's label.
        values: method → seed → mask AP.
        against: method → its test against the baseline; without the baseline, and without methods
            that share no seed with it, or whose seeds all gave one difference.
        corrected: method → p, corrected for the number of methods in `against`.
        ranking: by the means over seeds; every two methods were tested for it.
        uneven: methods that vary more over seeds than the others: compared by their own spread.
        seeds_alone: what tables and `power` say: every two methods on these very images.
    """

    noise: str
    images: int
    draws: int
    baseline: str
    values: Mapping[str, Mapping[Hashable, float]]
    against: Mapping[str, PairTest]
    corrected: Mapping[str, float]
    ranking: Ranking
    uneven: Collection[str]
    seeds_alone: Differences

    @property
    def one_seed(self) -> bool:
        """Whether every comparison is of one seed: of these trained networks alone."""
        return all(test.seeds == 1 for test in self.against.values())

    def verdict(self, method: str) -> str:
        """Above the baseline, below it, or told from it by neither."""
        if self.corrected[method] > 1 - CONFIDENCE:
            return TIE
        return ABOVE if self.against[method].difference > 0 else BELOW

    def document(self) -> dict[str, Any]:
        """All of it as data, for JSON."""
        return {
            "noise": self.noise,
            "images": self.images,
            "draws": self.draws,
            "one_seed": self.one_seed,
            "comparisons": len(self.against),
            "pairs": self.ranking.comparisons,
            "methods": [self._row(method) for method in self.values],
            "not_told_apart": [list(group) for group in self.ranking.groups],
            "notes": self.notes(),
        }

    def _row(self, method: str) -> dict[str, Any]:
        test = self.against.get(method)
        rank = self.ranking.ranks[method]
        return {
            "method": method,
            "seeds": [str_of_seed(seed) for seed in self.values[method]],
            "average_precision": fmean(self.values[method].values()),
            "comparison": test
            and {
                **{name: value for name, value in asdict(test).items() if name not in _SIDES},
                "p_corrected": self.corrected[method],
                "verdict": self.verdict(method),
            },
            "rank": rank.rank,
            "rank_low": rank.low,
            "rank_high": rank.high,
        }

    def notes(self) -> list[str]:
        """What a reader must know of the verdicts, a sentence each."""
        silent = [m for m in self.values if m not in {*self.against, self.baseline}]
        lines = []
        if silent:
            lines.append(
                f"Not compared: {', '.join(silent)}: no seed in common with {self.baseline}, or "
                "every seed gave the same difference, so that no spread was measured."
            )
        uneven = [method for method in self.values if method in self.uneven]
        if uneven:
            lines.append(
                f"Varies more over seeds than the others: {', '.join(uneven)}. Such a method is "
                "compared by its own spread, without the others' to lean on."
            )
        least = max((test.least for test in self.against.values()), default=0.0)
        if least * self.ranking.comparisons > 1 - CONFIDENCE:
            lines.append(
                f"{self.draws} draws are too few to tell all {self.ranking.comparisons} pairs "
                f"apart: no p is below {least:.2g} before it is corrected. Draw more."
            )
        return lines + self._beside_seeds_alone()

    def _beside_seeds_alone(self) -> list[str]:
        """Where tables and `power`, which test seeds alone, say otherwise, and why."""
        apart = {
            pair.other if pair.one == self.baseline else pair.one
            for pair in self.seeds_alone.known
            if pair.apart and self.baseline in (pair.one, pair.other)
        }
        told = {m for m, test in self.against.items() if test.seeds > 1 and self.verdict(m) != TIE}
        only_there = [m for m in self.against if m in apart - told]
        only_here = [m for m in self.against if m in told - apart]
        lines = []
        if only_there:
            lines.append(
                f"Tables and `power` tell {', '.join(only_there)} from {self.baseline} by a spread "
                "that all methods share, on these very images; with other images, and a spread of "
                "its own for what varies more, that does not hold."
            )
        if only_here:
            lines.append(
                f"Tables and `power` do not tell {', '.join(only_here)} from {self.baseline}: they "
                f"ask of all {self.seeds_alone.pairs} pairs of methods, here there are "
                f"{len(self.against)} comparisons."
            )
        return lines + self._other_pairs()

    def _other_pairs(self) -> list[str]:
        """The same of every two others: ranks and groups are by all pairs."""
        alike = {frozenset(two) for group in self.ranking.groups for two in combinations(group, 2)}
        others = [p for p in self.seeds_alone.known if self.baseline not in (p.one, p.other)]
        only_there, only_here = (
            ", ".join(
                f"{pair.one} from {pair.other}"
                for pair in others
                if pair.apart == there and (frozenset((pair.one, pair.other)) in alike) == there
            )
            for there in (True, False)
        )
        lines = []
        if only_there:
            lines.append(
                f"Of the other pairs, tables and `power` also tell {only_there}: by a spread that "
                "all methods share, on these very images; ranks here do not."
            )
        if only_here:
            lines.append(
                f"Of the other pairs, ranks here also tell {only_here}; tables and `power`, whose "
                "correction (Bonferroni) asks more than Holm's, do not."
            )
        return lines


_SIDES = ("one", "other")
