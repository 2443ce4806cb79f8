"""What a suite's runs let see and what they do not, in a sentence or two, whatever came out."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.setting_power import SettingPower
from noisyseg.bench.reporting.suite_power import suite_power
from noisyseg.bench.reporting.suite_values import suite_values
from noisyseg.bench.runs.run import Run
from noisyseg.number_text import decimal
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.records.record import Record
from noisyseg.results.statistics.differences import critical, independent
from noisyseg.results.tables.table import Cells

_BETTER = "which method is better at"


@dataclass(kw_only=True, slots=True, frozen=True)
class _Loss:
    """Of a method at a noise setting, at equal train seeds.

    Attributes:
        clean, noisy: mean mask AP.
        seeds: how many, that share neither noise nor train seed.
        runs: how many there are, those included that share one.
        low, high: the interval of the mean loss; NaN of one seed, or of seeds without any spread.
    """

    noise: str
    clean: float
    noisy: float
    seeds: int
    runs: int
    low: float
    high: float


def closing_sentence(
    suite: Suite, runs: Sequence[Run], records: Mapping[str, Record]
) -> str | None:
    """What is seen of the damage by noise and of methods, by mask AP; None if nothing was measured.

    Args:
        suite: whose first method that has both the damage is told of, at one setting: the largest
            loss of those that seeds show, or else of those with most seeds.
        runs: of the suite, done or not.
        records: those that there are, by key.
    """
    values = suite_values(runs, records, DEFAULT)
    if not any(math.isfinite(value) for cell in values.values() for _, value in cell.values()):
        return None
    seen, unseen = _damage(suite, values)
    more_seen, more_unseen = _methods(suite, suite_power(values))
    return _told(seen + more_seen, unseen + more_unseen)


def damage_sentence(suite: Suite, runs: Sequence[Run], records: Mapping[str, Record]) -> str | None:
    """What is seen of the damage by noise alone; None where nothing is known of it."""
    return _told(*_damage(suite, suite_values(runs, records, DEFAULT)))


def _told(seen: Sequence[str], unseen: Sequence[str]) -> str | None:
    found = [("Seen", seen), ("Not seen", unseen)]
    return " ".join(f"{name}: {'; '.join(parts)}." for name, parts in found if parts) or None


def _damage(suite: Suite, values: Cells) -> tuple[list[str], list[str]]:
    """What noise does to the first method that tells it, seen and not seen."""
    method, losses = next(
        ((method, found) for method in suite.methods if (found := _losses(suite, values, method))),
        ("", []),
    )
    if not losses:
        return [], []
    worst = max(losses, key=lambda loss: (loss.low > 0, loss.seeds > 1, loss.clean - loss.noisy))
    share = f", {100 * worst.noisy / worst.clean:.0f} % of it" if worst.clean > 0 else ""
    told = (
        f"{decimal(worst.noisy)} mask AP at {worst.noise}, {decimal(worst.clean)} with clean labels"
    )
    if math.isnan(worst.low):
        return [f"{method} has {told}{share} ({_alone(worst)})"], []
    several = f", of {len(losses)} settings together" if len(losses) > 1 else ""
    lost = worst.clean - worst.noisy
    if worst.high < 0:
        ends = f"{decimal(-worst.high)} to {decimal(-worst.low)}"
        interval = f"the gain of {decimal(-lost)} has the 95 % interval {ends}"
    else:
        ends = f"{decimal(worst.low)} to {decimal(worst.high)}"
        interval = f"the loss of {decimal(lost)} has the 95 % interval {ends}"
    interval += f" over {worst.seeds} seeds{several}"
    if worst.low > 0:
        return [f"noise hurts: {method} has {told}{share} ({interval})"], []
    if worst.high < 0:
        return [f"{method} is better with noise: {told} ({interval})"], []
    return [], [f"whether noise hurts {method}: it has {told} ({interval})"]


def _alone(loss: _Loss) -> str:
    """Why a loss has no interval."""
    if loss.seeds > 1:
        return f"{loss.seeds} seeds, all with this loss: no spread was measured"
    if loss.runs > 1:
        return f"{loss.runs} runs that share a seed are one draw, here the first; another differs"
    return "one seed; another gives other numbers"


def _losses(suite: Suite, values: Cells, method: str) -> list[_Loss]:
    """At each noise setting with clean runs at the same train seeds; intervals hold together."""
    pairs = {
        noise: found
        for noise, steps in suite.noise.items()
        if steps is not None and (found := _at_equal_seeds(suite, values, method, noise))
    }
    return [_loss(noise, found, len(pairs)) for noise, found in pairs.items()]


def _loss(noise: str, found: Mapping[Hashable, tuple[float, float]], settings: int) -> _Loss:
    """Of runs that share a noise seed or a train seed the first: the others are no new draws."""
    pairs = [found[seeds] for seeds in independent(found)]
    losses = [clean - noisy for clean, noisy in pairs]
    count, mean = len(losses), fmean(losses)
    half = math.nan
    if count > 1 and max(losses) - min(losses) > 1e-9:
        sd = math.sqrt(sum((loss - mean) ** 2 for loss in losses) / (count - 1))
        half = critical(count - 1, settings) * sd / math.sqrt(count)
    clean, noisy = (fmean(numbers) for numbers in zip(*pairs, strict=True))
    return _Loss(
        noise=noise,
        clean=clean,
        noisy=noisy,
        seeds=count,
        runs=len(found),
        low=mean - half,
        high=mean + half,
    )


def _at_equal_seeds(
    suite: Suite, values: Cells, method: str, noise: str
) -> dict[Hashable, tuple[float, float]]:
    """Seeds → mask AP with clean and with noisy labels, of train seeds that have both."""
    clean = {
        seeds[1]: value
        for label, steps in suite.noise.items()
        if steps is None
        for seeds, value in _known(values, method, label).items()
        if isinstance(seeds, tuple)
    }
    return {
        seeds: (clean[seeds[1]], value)
        for seeds, value in _known(values, method, noise).items()
        if isinstance(seeds, tuple) and seeds[1] in clean
    }


def _known(values: Cells, method: str, noise: str) -> dict[Hashable, float]:
    cell = values.get((method, noise), {})
    return {seeds: value for seeds, (_, value) in cell.items() if math.isfinite(value)}


def _methods(suite: Suite, power: Sequence[SettingPower]) -> tuple[list[str], list[str]]:
    """Which methods differ, seen and not seen."""
    several = [setting for setting in power if len(setting.methods) > 1]
    seen = [
        f"at {setting.noise} {len(setting.apart)} of {setting.differences.pairs} pairs of methods "
        "are told apart"
        for setting in several
        if setting.apart
    ]
    reasons = {
        s.noise: s.silence or "these seeds tell no two apart" for s in several if not s.apart
    }
    unseen = [
        f"{_BETTER} {', '.join(noise for noise in reasons if reasons[noise] == reason)}: {reason}"
        for reason in dict.fromkeys(reasons.values())
    ]
    names = list(dict.fromkeys(name for setting in power for name in setting.methods))
    if len(names) == 1 and len(suite.methods) > 1:
        unseen.append(f"which method is better: {names[0]} alone has a number")
    return seen, unseen
