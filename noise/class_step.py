"""One step of class noise on a table of annotations, and what the manifest says of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from noisyseg.noise.draws import StepDraws
from noisyseg.noise.registry import NOISE_TYPES
from noisyseg.noise.spec import NoiseStep
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Floats, Indices, Mask


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassOutcome:
    """What a step did.

    Attributes:
        classes: after the step, shape (N,).
        report: the step's entry in the manifest.
    """

    classes: Indices
    report: dict[str, Any]


def class_step(step: NoiseStep, table: AnnotationTable, draws: StepDraws) -> ClassOutcome:
    """Apply a step of the class family.

    Raises:
        InputError: the step does not fit the file's categories.
    """
    law_of = NOISE_TYPES[step.type].law
    assert law_of is not None
    law = law_of(step.parameters, table.categories, draws)
    transition = law.transition
    touched = np.ones_like(table.crowds) if step.parameters["crowds"] else ~table.crowds
    eligible = touched & transition.sources[table.classes]
    after = table.classes.copy()
    after[eligible] = transition.redraw(table.ids[eligible], table.classes[eligible], draws)
    expected = 1.0 - transition.matrix().diagonal()
    report = {
        **_rates(step, table.classes, after, eligible, touched, expected),
        **({"detail": law.detail} if law.detail else {}),
    }
    return ClassOutcome(classes=after, report=report)


def _rates(
    step: NoiseStep,
    before: Indices,
    after: Indices,
    eligible: Mask,
    touched: Mask,
    expected: Floats,
) -> dict[str, Any]:
    k = len(expected)
    flipped = before != after
    num_eligible, num_flipped, num_touched = (int(m.sum()) for m in (eligible, flipped, touched))
    # A matrix that is not known before the draws has no expectation to state.
    known = bool(np.isfinite(expected).all())
    foreseen = float(expected[before[eligible]].sum()) if known else None
    return {
        "type": step.type,
        "intended_rate": step.parameters.get("rate"),
        "eligible": num_eligible,
        "flipped": num_flipped,
        "expected_flips": foreseen,
        "rate_of_eligible": _share(num_flipped, num_eligible),
        "rate_of_eligible_interval": binomial_interval(num_flipped, num_eligible),
        "rate_of_all": _share(num_flipped, num_touched),
        "per_class": {
            "eligible": np.bincount(before[eligible], minlength=k).tolist(),
            "flipped": np.bincount(before[flipped], minlength=k).tolist(),
        },
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def binomial_interval(successes: int, trials: int) -> list[float] | None:
    """Wilson's 95 % interval of a proportion, [low, high]; None for no trials."""
    if not trials:
        return None
    z = 1.959963984540054
    share = successes / trials
    middle = share + z * z / (2 * trials)
    spread = z * float(np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)))
    scale = 1 + z * z / trials
    return [max((middle - spread) / scale, 0.0), min((middle + spread) / scale, 1.0)]
