"""Whether a type changes as much as it says, within what chance allows."""

import math
from typing import NamedTuple

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


class _Seen(NamedTuple):
    """What became of labels over the seeds, and what the law says of it.

    Attributes:
        counts, means, variances: of class i turned into class j, shape (K, K); no means where the
            law has no matrix.
        flipped, foreseen, eligible: numbers of labels.
    """

    counts: Floats
    means: Floats
    variances: Floats
    flipped: int
    foreseen: float
    eligible: int


def _class_rates(trial: Trial, family: ClassNoise) -> str:
    """The counts over seeds against T; without a T of the classes, the number of flips."""
    names = AnnotationTable.of(trial.document).categories.names
    seen = _seen(trial, family)
    variance = seen.foreseen * (1 - seen.foreseen / max(seen.eligible, 1))
    require(
        _deviation(seen.flipped, seen.foreseen, variance) <= _LIMIT,
        f"{seen.flipped} of {seen.eligible} labels change, {seen.foreseen:.1f} are expected",
    )
    if not seen.means.any():
        return f"{seen.flipped} flips, {seen.foreseen:.1f} expected"
    worst = 0.0
    for i, j in np.ndindex(seen.counts.shape):
        count, mean = seen.counts[i, j], seen.means[i, j]
        off = _deviation(count, mean, seen.variances[i, j])
        require(
            off <= _LIMIT,
            f"{count:.0f} of {seen.counts[i].sum():.0f} {names[i]} become {names[j]}, by its "
            f"matrix {mean:.1f}: {off:.1f} standard deviations off",
        )
        worst = max(worst, off)
    return f"at most {worst:.1f} standard deviations from its matrix"


def _seen(trial: Trial, family: ClassNoise) -> _Seen:
    step, table = trial.step(), AnnotationTable.of(trial.document)
    k = len(table.categories)
    touched = np.ones_like(table.crowds) if step.parameters.get("crowds") else ~table.crowds
    numbers = np.bincount(table.classes[touched], minlength=k)[:, None]
    counts, means, variances = (np.zeros((k, k)) for _ in range(3))
    reports = []
    for seed in _SEEDS:
        outcome = family.outcome(step, table, trial.draws(seed))
        pairs = table.classes[touched] * k + outcome.classes[touched]
        counts += np.bincount(pairs, minlength=k * k).reshape(k, k)
        reports.append(outcome.report)
        if outcome.report["expected_matrix"] is not None:
            matrix = np.array(outcome.report["expected_matrix"])
            _check_rows(matrix)
            means += numbers * matrix
            variances += numbers * matrix * (1 - matrix)
    keys = ("flipped", "expected_flips", "eligible")
    return _Seen(counts, means, variances, *(sum(r[key] for r in reports) for key in keys))


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
