"""What every family of noise types can do, whatever its types change."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol

from noisyseg.noise.draws import StepDraws
from noisyseg.noise.scene import Scene

Annotation = dict[str, Any]
Parameters = Mapping[str, Any]
Report = dict[str, Any]
"""A step's entry in the manifest."""


class Step(Protocol):
    """A step of a spec: the name of its type, and its parsed parameters."""

    @property
    def type(self) -> str:
        """As a spec writes it."""

    @property
    def parameters(self) -> Parameters:
        """Every one of the type's, by name."""


@dataclass(frozen=True, kw_only=True)
class Family(ABC):
    """What a type changes of the annotations, how a step of it is made and what is reported.

    Attributes:
        name: as listings write it.
        required: parameters that each of its types has.
        least_classes: classes without which there is no such noise.
        decides_labels: whether it changes which labels, or how many, a file has.
        adds: whether there may be annotations after a step that were not there before.
        takes_new: whether a step can be applied to annotations that a step before it added.
    """

    name: ClassVar[str]
    required: ClassVar[tuple[str, ...]] = ()
    least_classes: ClassVar[int] = 0
    decides_labels: ClassVar[bool] = True
    adds: ClassVar[bool] = False

    @property
    def parts(self) -> list[Any]:
        """What a type gave its family: functions and switches."""
        return [getattr(self, part.name) for part in fields(self)]

    @property
    def takes_new(self) -> bool:
        """See the class."""
        return True

    def check(self, parameters: Parameters, scene: Scene) -> None:  # noqa: B027 (most ask for nothing)
        """Refuse annotations that the type could not change if a draw chose them.

        Args:
            parameters: the step's.
            scene: the clean file, with those that the step may touch as `eligible`.

        Raises:
            InputError: how many there are, and what is wrong with the first of them.
        """

    @abstractmethod
    def step(
        self,
        step: Step,
        document: Mapping[str, Any],
        draws: StepDraws,
        *,
        largest_id: int,
        workers: int,
    ) -> tuple[list[Annotation], Report]:
        """The annotations after a step, and the step's report.

        Args:
            step: of a type of this family.
            document: a checked COCO document, which stays as it is.
            draws: the step's.
            largest_id: of the clean file; no new annotation takes the place of one that is gone.
            workers: processes, where drawing takes long; the result is the same for any number.
                With more than one, a script that calls this must guard its top level by
                `if __name__ == "__main__"`.

        Raises:
            InputError: the step does not fit the document.
        """
