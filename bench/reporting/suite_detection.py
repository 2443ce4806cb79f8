"""How many seeds a suite wants to see a difference, from the spread that some suite's runs had."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from noisyseg.bench.config.suite import SeedPair, Suite
from noisyseg.bench.reporting.setting_power import SeedsNeeded, SettingPower
from noisyseg.bench.reporting.suite_power import needed_for
from noisyseg.errors import InputError
from noisyseg.results.statistics.differences import comparisons
from noisyseg.results.statistics.power import MOST_SEEDS, POWER, Design
from noisyseg.results.statistics.spread import Range, spread_range


@dataclass(kw_only=True, slots=True, frozen=True)
class Detection:
    """Seeds that see a true difference at 80 % power.

    Attributes:
        difference: in AP.
        methods: of the suite that is planned; each is compared with each.
        seeds: what the setting wants that wants most.
        settings: noise setting → seeds, of those whose spread is known.
        measured_on: the suite whose runs the spread is of.
        measured: noise setting → methods and seeds that it is of.
        unknown: noise settings that are planned and whose spread is not known; the widest that is
            known stands for theirs.
    """

    difference: float
    methods: int
    seeds: int
    settings: dict[str, SeedsNeeded]
    measured_on: str
    measured: dict[str, tuple[int, int]]
    unknown: list[str]

    def document(self) -> dict[str, Any]:
        """All of it as data, for JSON."""
        return asdict(self) | {"power": POWER}

    def line(self) -> str:
        """It in a sentence."""
        parts = ", ".join(
            f"{noise} {_text(need.seeds)} [{_text(need.low)}, {_text(need.high)}] (of "
            f"{self.measured[noise][0]} methods with {self.measured[noise][1]} seeds)"
            for noise, need in self.settings.items()
        )
        unknown = (
            f". Not known: {', '.join(self.unknown)}, for which the widest spread stands"
            if self.unknown
            else ""
        )
        return (
            f"to see {self.difference:g} AP between any two of {self.methods} methods at "
            f"{100 * POWER:.0f} % power: {self.seeds} seeds. By the spread that runs of "
            f"{self.measured_on} had in the pair that varied most, and what it may truly be: "
            f"{parts}{unknown}"
        )


def detection_of(
    difference: float, suite: Suite, measured_on: str, power: Sequence[SettingPower]
) -> Detection:
    """The seeds that a suite wants, by the noise settings that it has in common with the measured.

    Args:
        difference: in AP.
        suite: that is planned.
        measured_on: the name of the suite whose runs were measured; it may be the same.
        power: of its settings.

    Raises:
        InputError: fewer than two methods, no spread that is known, or more seeds than can be told.
    """
    methods = len(suite.methods)
    if methods < 2:
        raise InputError(
            f"--detect is of a difference between methods, of which {suite.name} has {methods} "
            "here: choose at least two."
        )
    known = {s.noise: s for s in power if s.spread is not None and s.differences.known}
    unknown = [noise for noise in suite.noise if noise not in known]
    if not known:
        raise InputError(
            f"how much seeds change {measured_on} is not known: at least two methods done with two "
            "seeds in common are wanted. Train some (run SUITE --seeds 0,1,2 --methods A,B), or "
            "name a suite of this store that has them: --like SUITE."
        )
    used = {noise: s for noise, s in known.items() if unknown or noise in suite.noise}
    needed = {noise: _needed(difference, setting, methods) for noise, setting in used.items()}
    seeds = [need.seeds for need in needed.values() if need.seeds is not None]
    if len(seeds) < len(needed):
        raise InputError(
            f"to see {difference:g} AP in {suite.name} would take more than {MOST_SEEDS} seeds, by "
            f"the spread that runs of {measured_on} had and what it may truly be. More seeds of "
            "those would tell it better."
        )
    return Detection(
        difference=difference,
        methods=methods,
        seeds=max(seeds),
        settings=needed,
        measured_on=measured_on,
        measured={
            noise: (len(setting.layout.methods), len(setting.layout.seeds))
            for noise, setting in used.items()
        },
        unknown=unknown,
    )


def _needed(difference: float, setting: SettingPower, methods: int) -> SeedsNeeded:
    """Seeds for so many methods, by what the runs of a setting say of two."""
    prior = setting.differences.prior.degrees
    design = Design(methods=methods, pairs=comparisons(methods), prior=prior)
    return needed_for(difference, _widest(setting), design)


def _widest(setting: SettingPower) -> tuple[Range, float]:
    """The spread of the pair that spreads most, and its degrees of freedom.

    Any two methods are to be told apart, those that vary most among them.
    """
    pair = max(setting.differences.known, key=lambda known: known.sd)
    return spread_range(pair.sd, pair.degrees), pair.degrees


def seeds_for(suite: Suite, count: int) -> list[SeedPair]:
    """So many seeds: the suite's own first, then the smallest that it has not."""
    own = [pair for pair in suite.seeds if pair.noise == pair.train][:count]
    taken = {pair.train for pair in own}
    others = (seed for seed in itertools.count() if seed not in taken)
    more = itertools.islice(others, count - len(own))
    return [*own, *(SeedPair(noise=seed, train=seed) for seed in more)]


def _text(seeds: int | None) -> str:
    return f"over {MOST_SEEDS}" if seeds is None else str(seeds)
