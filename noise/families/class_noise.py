"""Class noise: other labels for the same objects.

A step's report is described in `noise.manifest`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from noisyseg.noise.categories import Categories
from noisyseg.noise.draws import StepDraws
from noisyseg.noise.families.family import Annotation, Family, Parameters, Report, Step
from noisyseg.noise.proportion import binomial_interval
from noisyseg.noise.scene import Scene
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Indices, Mask, Transition


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassLaw:
    """What a type of class noise does in one file.

    Attributes:
        transition: decides the new classes.
        detail: what was drawn for the file as a whole, JSON-able; it goes into the manifest.
    """

    transition: Transition
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassOutcome:
    """What a step did.

    Attributes:
        classes: after the step, shape (N,).
        report: the step's entry in the manifest.
    """

    classes: Indices
    report: Report


@dataclass(frozen=True, kw_only=True)
class ClassNoise(Family):
    """The family of types that change labels alone; a file's digits are all that they touch.

    Attributes:
        law: what the type does in a file of these categories; it refuses others by `InputError`.
        check_each: see `Family.check`, of a type that must know each annotation of the clean file.
            Such a type cannot be applied to annotations that a step before it added.
    """

    name: ClassVar[str] = "class"
    least_classes: ClassVar[int] = 2

    law: Callable[[Parameters, Categories, StepDraws], ClassLaw]
    check_each: Callable[[Parameters, Scene], None] | None = None

    @property
    def takes_new(self) -> bool:
        """See `Family`."""
        return self.check_each is None

    def check(self, parameters: Parameters, scene: Scene) -> None:
        """See `Family`."""
        if self.check_each is not None:
            self.check_each(parameters, scene)

    def step(
        self,
        step: Step,
        document: Mapping[str, Any],
        draws: StepDraws,
        *,
        largest_id: int,
        workers: int,
    ) -> tuple[list[Annotation], Report]:
        """See `Family`."""
        table = AnnotationTable.of(document)
        outcome = self.outcome(step, table, draws)
        after = list(document["annotations"])
        for place in np.flatnonzero(outcome.classes != table.classes).tolist():
            category_id = table.categories.ids[outcome.classes[place]]
            after[place] = {**after[place], "category_id": category_id}
        return after, outcome.report

    def outcome(self, step: Step, table: AnnotationTable, draws: StepDraws) -> ClassOutcome:
        """What a step makes of the labels in a table.

        Raises:
            InputError: the step does not fit the file's categories or annotations.
        """
        law = self.law(step.parameters, table.categories, draws)
        transition = law.transition
        touched = np.ones_like(table.crowds) if step.parameters.get("crowds") else ~table.crowds
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


def _realised(table: AnnotationTable, after: Indices, eligible: Mask, num_touched: int) -> Report:
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
