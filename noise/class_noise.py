"""Class noise: pure functions from class indices to class indices.

Source: Yang et al., ECCV 2020, section 5.1, "Noise settings".
Shapes: N annotations, K classes; `ids` (N,), `classes` (N,) in 0 … K-1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError
from noisyseg.noise.draws import Purpose, choice, stream_number, uniform

Indices = NDArray[np.int64]
Words = NDArray[np.uint64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassStep:
    """What one step of class noise works with.

    Attributes:
        num_classes: K.
        rate: probability that an eligible annotation gets another class, in [0, 1].
        seed: noise seed in [0, 2^64).
        kind: the step's type, which names its streams.
        occurrence: how many steps of that type come before it in its spec.
        targets: for `asymmetric`: the class that each class turns into, -1 for none, shape (K,).
    """

    num_classes: int
    rate: float
    seed: int
    kind: str
    occurrence: int
    targets: Indices | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseType:
    """A registered type of noise.

    Attributes:
        version: raised whenever the noise of an equal spec could change.
        parameters: keys of a step of this type, beside `type`; all are required.
        eligible: which annotations may flip, (classes (N,), step) -> (N,).
        flip: the new classes, (ids (N,), classes (N,), step) -> (N,).
    """

    version: int
    parameters: tuple[str, ...]
    eligible: Callable[[Indices, ClassStep], Mask]
    flip: Callable[[Words, Indices, ClassStep], Indices]


def symmetric(ids: Words, classes: Indices, step: ClassStep) -> Indices:
    """With probability `rate` a different class, uniformly: T_ii = 1 - rate, T_ij = rate / (K - 1).

    Raises:
        InputError: fewer than two classes.
    """
    if step.num_classes < 2:
        raise InputError(
            f"symmetric noise needs at least two classes to flip between, got {step.num_classes}."
        )
    other = choice(step.seed, _stream(step, Purpose.TARGET), ids, step.num_classes - 1)
    other += other >= classes  # counts the classes without the annotation's own
    return np.where(_flips(ids, step), other, classes)


def asymmetric(ids: Words, classes: Indices, step: ClassStep) -> Indices:
    """With probability `rate` the target of its class, where that is a source; else unchanged."""
    flips = _flips(ids, step) & has_target(classes, step)
    return np.where(flips, _targets(step)[classes], classes)


def every_annotation(classes: Indices, step: ClassStep) -> Mask:
    """All annotations may flip, shape (N,)."""
    return np.ones(len(classes), dtype=np.bool_)


def has_target(classes: Indices, step: ClassStep) -> Mask:
    """The annotations whose class is a source in the step's map, shape (N,)."""
    return _targets(step)[classes] >= 0


def _flips(ids: Words, step: ClassStep) -> Mask:
    # The draw knows nothing of the rate: what flips at 20 % also flips at 40 % with the same seed.
    return uniform(step.seed, _stream(step, Purpose.FLIP), ids) < step.rate


def _stream(step: ClassStep, purpose: Purpose) -> int:
    return stream_number(step.kind, step.occurrence, purpose)


def _targets(step: ClassStep) -> Indices:
    assert step.targets is not None
    return step.targets


NOISE_TYPES: dict[str, NoiseType] = {
    "symmetric": NoiseType(
        version=2, parameters=("rate",), eligible=every_annotation, flip=symmetric
    ),
    "asymmetric": NoiseType(
        version=2, parameters=("rate", "map"), eligible=has_target, flip=asymmetric
    ),
}
