"""Presence noise: annotations that are left out, and annotations that are added."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from noisyseg.noise.draws import StepDraws
from noisyseg.noise.families.family import Annotation, Family, Parameters, Report, Step
from noisyseg.noise.proportion import binomial_interval
from noisyseg.noise.scene import Scene
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Indices, Mask


class PresenceNoise(Family):
    """The family of types that change which annotations there are.

    A step's report has `type`, `intended_rate`, `eligible` (annotations that count), what happened
    (`removed` or `added`), its rates, and `per_class`, in file order, {eligible, removed or added}.
    """

    name: ClassVar[str] = "presence"

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
        scene = Scene.of(document, table, step.parameters, largest_id=largest_id)
        return self.applied(step, scene, draws)

    @abstractmethod
    def applied(
        self, step: Step, scene: Scene, draws: StepDraws
    ) -> tuple[list[Annotation], Report]:
        """See `Family.step`, of the document as a scene."""


@dataclass(frozen=True, kw_only=True)
class RemovalNoise(PresenceNoise):
    """Types that leave annotations out.

    `rate_of_eligible` is the share of the eligible that is gone, with the 95 % interval that a rate
    drawn for each annotation would have; `rate_of_all` that of all that the step may touch.

    Attributes:
        kept: which annotations stay, shape (N,), of all N; those not eligible must.
    """

    kept: Callable[[Parameters, Scene, StepDraws], Mask]

    def applied(
        self, step: Step, scene: Scene, draws: StepDraws
    ) -> tuple[list[Annotation], Report]:
        """See `PresenceNoise`."""
        kept = self.kept(step.parameters, scene, draws)
        entries = scene.document["annotations"]
        after = [entry for entry, stays in zip(entries, kept.tolist(), strict=True) if stays]
        whole = int(scene.eligible.sum())
        gone = scene.table.classes[~kept]
        return after, _report(step, scene, "removed", gone, wholes=(whole, whole))


@dataclass(frozen=True, kw_only=True)
class AdditionNoise(PresenceNoise):
    """Types that add annotations.

    `rate_of_eligible` is the share of the new ones among them and the eligible together;
    `rate_of_all` that of all annotations afterwards, crowds too.

    Attributes:
        added: new annotations, put after the others, with ids from `Scene.largest_id` + 1.
    """

    adds: ClassVar[bool] = True

    added: Callable[[Parameters, Scene, StepDraws], list[Annotation]]

    def applied(
        self, step: Step, scene: Scene, draws: StepDraws
    ) -> tuple[list[Annotation], Report]:
        """See `PresenceNoise`."""
        new = self.added(step.parameters, scene, draws)
        index_of = {number: index for index, number in enumerate(scene.table.categories.ids)}
        classes = np.array([index_of[entry["category_id"]] for entry in new], dtype=np.int64)
        wholes = (int(scene.eligible.sum()) + len(new), len(scene.table.numbers) + len(new))
        report = _report(step, scene, "added", classes, wholes=wholes)
        return [*scene.document["annotations"], *new], report


def _report(
    step: Step, scene: Scene, what: str, classes: Indices, *, wholes: tuple[int, int]
) -> Report:
    """The report on annotations of these classes, which are shares of the two numbers."""
    number, k = len(classes), len(scene.table.categories)
    whole, everything = wholes
    return {
        "type": step.type,
        "intended_rate": step.parameters.get("rate"),
        "eligible": int(scene.eligible.sum()),
        what: number,
        "rate_of_eligible": number / whole if whole else None,
        "rate_of_eligible_interval": binomial_interval(number, whole),
        "rate_of_all": number / everything if everything else None,
        "per_class": {
            "eligible": np.bincount(scene.table.classes[scene.eligible], minlength=k).tolist(),
            what: np.bincount(classes, minlength=k).tolist(),
        },
    }
