"""What steps need of a file's annotations, checked before any draw: no seed decides on an error."""

from collections.abc import Mapping, Sequence
from typing import Any

from noisyseg.errors import InputError
from noisyseg.noise.scene import Scene
from noisyseg.noise.spec import NoiseStep
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.types.registry import noise_type


def check_steps(
    steps: Sequence[NoiseStep], document: Mapping[str, Any], table: AnnotationTable
) -> None:
    """Refuse a clean file of which some draw would choose what a step cannot change.

    Args:
        steps: all of a spec's, in order.
        document: the clean one; empty where all steps are of the class family.
        table: its annotations.

    Raises:
        InputError: the step, how many annotations it cannot change, and why.
    """
    adding: str | None = None
    for number, step in enumerate(steps, start=1):
        kind = noise_type(step.type)
        family = kind.family
        if adding is not None and not family.takes_new:
            raise InputError(
                f"step {number}, {step.type}: annotations of nothing, which the {adding} step "
                f"before it adds, have no scores: put the {adding} step after it."
            )
        if family.adds and step.parameters.get("rate") != 0:
            adding = step.type
        try:
            with kind.faults_told():
                family.check(step.parameters, Scene.of(document, table, step.parameters))
        except InputError as error:
            raise InputError(f"step {number}, {step.type}: {error}") from error
