"""What a suite's runs let see and what they do not, in a sentence or two, whatever came out."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.suite_power import SettingPower, suite_power
from noisyseg.bench.reporting.suite_values import Values, suite_values
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.records.record import Record
from noisyseg.results.statistics.intervals import describe
from noisyseg.results.statistics.power import comparisons

_BETTER = "which method is better at"


def closing_sentence(
    suite: Suite, runs: Sequence[Run], records: Mapping[str, Record]
) -> str | None:
    """What is seen of the damage by noise and of methods, by mask AP; None if nothing was measured.

    Args:
        suite: whose first method the damage is told of, at the setting where it is largest.
        runs: of the suite, done or not.
        records: those that there are, by key.
    """
    values = suite_values(runs, records, DEFAULT)
    if not any(math.isfinite(value) for cell in values.values() for _, value in cell.values()):
        return None
    seen, unseen = _damage(suite, values)
    more_seen, more_unseen = _methods(suite_power(values))
    found = [("Seen", seen + more_seen), ("Not seen", unseen + more_unseen)]
    return " ".join(f"{name}: {'; '.join(parts)}." for name, parts in found if parts) or None


def _damage(suite: Suite, values: Values) -> tuple[list[str], list[str]]:
    """What noise does to the first method, seen and not seen."""
    method = next(iter(suite.methods))
    pairs = {
        noise: found
        for noise, steps in suite.noise.items()
        if steps is not None and (found := _at_equal_seeds(suite, values, method, noise))
    }
    if not pairs:
        return [], []
    worst = min(pairs, key=lambda noise: fmean(noisy - clean for clean, noisy in pairs[noise]))
    clean, noisy = (fmean(numbers) for numbers in zip(*pairs[worst], strict=True))
    share = f", {100 * noisy / clean:.0f} % of it" if clean > 0 else ""
    told = f"{noisy:.1f} mask AP at {worst}, {clean:.1f} with clean labels"
    count = len(pairs[worst])
    if count == 1:
        return [f"{method} has {told}{share} (one seed; another gives other numbers)"], []
    loss = describe([before - after for before, after in pairs[worst]])
    low, high = loss.low, loss.high
    assert low is not None  # of two and more
    assert high is not None
    interval = (
        f"the loss of {loss.mean:.1f} has the 95 % interval {low:.1f} to {high:.1f} over "
        f"{count} seeds"
    )
    if low > 0:
        return [f"noise hurts: {method} has {told}{share} ({interval})"], []
    if high < 0:
        return [f"{method} is better with noise: {told} ({interval})"], []
    return [], [f"whether noise hurts {method}: it has {told} ({interval})"]


def _at_equal_seeds(
    suite: Suite, values: Values, method: str, noise: str
) -> list[tuple[float, float]]:
    """Mask AP with clean and with noisy labels of each run whose train seed has both."""
    clean = {
        seeds[1]: value
        for label, steps in suite.noise.items()
        if steps is None
        for seeds, (_, value) in values.get((method, label), {}).items()
        if isinstance(seeds, tuple)
    }
    return [
        (clean[seeds[1]], value)
        for seeds, (_, value) in values.get((method, noise), {}).items()
        if isinstance(seeds, tuple)
        and math.isfinite(value)
        and math.isfinite(clean.get(seeds[1], math.nan))
    ]


def _methods(power: Sequence[SettingPower]) -> tuple[list[str], list[str]]:
    """Which methods differ, seen and not seen."""
    several = [setting for setting in power if len(setting.layout.methods) > 1]
    if not several:
        return [], []
    known = [setting for setting in several if setting.spread is not None]
    told = {setting.noise: count for setting in known if (count := _told_apart(setting))}
    seen = [
        f"at {noise} {count} of {comparisons(_count(known, noise))} pairs of methods are told apart"
        for noise, count in told.items()
    ]
    equal = [setting.noise for setting in known if setting.noise not in told]
    unseen = []
    if equal:
        unseen.append(f"{_BETTER} {', '.join(equal)}: these seeds tell no two apart")
    for count, reason in ((1, "one seed tells nothing of that"), (0, "they share no seed")):
        lone = [s.noise for s in several if s.spread is None and len(s.layout.seeds) == count]
        if lone:
            unseen.append(f"{_BETTER} {', '.join(lone)}: {reason}")
    return seen, unseen


def _count(settings: Sequence[SettingPower], noise: str) -> int:
    return next(len(setting.layout.methods) for setting in settings if setting.noise == noise)


def _told_apart(setting: SettingPower) -> int:
    means = setting.layout.values.mean(axis=1).tolist()
    return sum(
        abs(one - other) > setting.least_significant
        for place, one in enumerate(means)
        for other in means[:place]
    )
