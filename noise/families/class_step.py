"""One step of class noise on a table of annotations, and what the manifest says of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from noisyseg.noise.categories import Categories
from noisyseg.noise.draws import StepDraws
from noisyseg.noise.proportion import binomial_interval
from noisyseg.noise.spec import NoiseStep
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Indices, Mask
from noisyseg.noise.types.noise_type import ClassLaw
from noisyseg.noise.types.registry import NOISE_TYPES


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassOutcome:
    """What a step did.

    Attributes:
        classes: after the step, shape (N,).
        report: the step's entry in the manifest.
    """

    classes: Indices
    report: dict[str, Any]


def class_law(step: NoiseStep, categories: Categories, draws: StepDraws) -> ClassLaw:
    """What a step of the class family does in a file of these categories.

    Raises:
        InputError: the step does not fit the categories.
    """
    law = NOISE_TYPES[step.type].law
    assert law is not None
    return law(step.parameters, categories, draws)


def class_step(step: NoiseStep, table: AnnotationTable, draws: StepDraws) -> ClassOutcome:
    """Apply a step of the class family.

    Raises:
        InputError: the step does not fit the file's categories or annotations.
    """
    law = class_law(step, table.categories, draws)
    transition = law.transition
    touched = np.ones_like(table.crowds) if step.parameters["crowds"] else ~table.crowds
    eligible = touched & transition.sources[table.classes]
    ids, classes = table.ids[eligible], table.classes[eligible]
    after = table.classes.copy()
    after[eligible] = transition.redraw(ids, classes, draws)
    matrix = transition.matrix()
    report = {
        "type": step.type,
        "intended_rate": step.parameters.get("rate"),
        # To a millionth: the last bits of a normal's mean are the mathematics library's own.
        "expected_flips": round(transition.expected_flips(ids, classes), 6),
        "expected_matrix": None if matrix is None else matrix.tolist(),
        **_realised(table, after, eligible, int(touched.sum())),
        **({"detail": law.detail} if law.detail else {}),
    }
    return ClassOutcome(classes=after, report=report)


def _realised(
    table: AnnotationTable, after: Indices, eligible: Mask, num_touched: int
) -> dict[str, Any]:
    k = len(table.categories)
    flipped = table.classes != after
    num_eligible, num_flipped = int(eligible.sum()), int(flipped.sum())
    return {
        "eligible": num_eligible,
        "flipped": num_flipped,
        "rate_of_eligible": _share(num_flipped, num_eligible),
        "rate_of_eligible_interval": binomial_interval(num_flipped, num_eligible),
        "rate_of_all": _share(num_flipped, num_touched),
        "per_class": {
            "eligible": np.bincount(table.classes[eligible], minlength=k).tolist(),
            "flipped": np.bincount(table.classes[flipped], minlength=k).tolist(),
        },
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
