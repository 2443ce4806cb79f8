"""Whether a type changes as much as it says, within what chance allows."""

import math

import numpy as np

from noisyseg.contract import require
from noisyseg.noise.contract.trial import Trial, by_id, differing
from noisyseg.noise.families.class_noise import ClassNoise
from noisyseg.noise.families.presence_noise import PresenceNoise
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Floats

_SEEDS = range(20)
_LIMIT = 5.0  # standard deviations; by chance once in two million


def rates(trial: Trial) -> str | None:
    """Class noise against its matrix, presence noise against its rate; nothing at a rate of 0."""
    if "rate" in trial.kind.parameters:
        changed = differing(trial.clean, by_id(trial.noisy(rate=0.0)[0]))
        require(not changed, f"it changes {len(changed)} annotations at a rate of 0")
    if isinstance(trial.kind.family, ClassNoise):
        return _class_rates(trial, trial.kind.family)
    if isinstance(trial.kind.family, PresenceNoise) and "rate" in trial.kind.parameters:
        return _presence_rate(trial)
    return None


def _class_rates(trial: Trial, family: ClassNoise) -> str:
    """The counts over seeds against T; without a T of the classes, the number of flips."""
    step, table = trial.step(), AnnotationTable.of(trial.document)
    k = len(table.categories)
    counts, means, variances = (np.zeros((k, k)) for _ in range(3))
    flips = []
    for seed in _SEEDS:
        outcome = family.outcome(step, table, trial.draws(seed))
        crowds_too = step.parameters.get("crowds")
        touched = np.ones_like(table.crowds) if crowds_too else ~table.crowds
        pairs = table.classes[touched] * k + outcome.classes[touched]
        counts += np.bincount(pairs, minlength=k * k).reshape(k, k)
        report = outcome.report
        flips.append((report["flipped"], report["expected_flips"], report["eligible"]))
        if report["expected_matrix"] is not None:
            matrix = np.array(report["expected_matrix"])
            _check_rows(matrix)
            numbers = np.bincount(table.classes[touched], minlength=k)[:, None]
            means += numbers * matrix
            variances += numbers * matrix * (1 - matrix)
    flipped, foreseen, eligible = (sum(column) for column in zip(*flips, strict=True))
    off = _deviation(flipped, foreseen, foreseen * (1 - foreseen / max(eligible, 1)))
    require(off <= _LIMIT, f"{flipped} of {eligible} labels change, {foreseen:.1f} are expected")
    if not means.any():
        return f"{flipped} flips, {foreseen:.1f} expected"
    worst = 0.0
    for i, j in np.ndindex(k, k):
        off = _deviation(counts[i, j], means[i, j], variances[i, j])
        one, other = table.categories.names[i], table.categories.names[j]
        require(
            off <= _LIMIT,
            f"{counts[i, j]:.0f} of {counts[i].sum():.0f} {one} become {other}, by its matrix "
            f"{means[i, j]:.1f}: {off:.1f} standard deviations off",
        )
        worst = max(worst, off)
    return f"at most {worst:.1f} standard deviations from its matrix"


def _check_rows(matrix: Floats) -> None:
    require(
        (matrix >= 0).all() and np.allclose(matrix.sum(axis=1), 1, rtol=0, atol=1e-9),
        f"its matrix has the row sums {matrix.sum(axis=1).tolist()}, wanted 1 each and nothing < 0",
    )


def _presence_rate(trial: Trial) -> str:
    _, manifest = trial.noisy()
    (report,) = manifest["steps"]
    intended, found = report["intended_rate"], report["rate_of_eligible"]
    variance = intended * (1 - intended) / report["eligible"]
    require(
        _deviation(found, intended, variance) <= _LIMIT,
        f"{100 * found:.1f} % at a rate of {intended}",
    )
    return f"{100 * found:.1f} % at a rate of {intended}"


def _deviation(found: float, mean: float, variance: float) -> float:
    """In standard deviations; what cannot vary must be exact."""
    off = abs(found - mean)
    if variance > 0:
        return off / math.sqrt(variance)
    return 0.0 if off < 1e-6 else math.inf
