"""How a class turns into another: the law of a step of class noise, known before any draw.

Shapes: N annotations, K classes; `ids` (N,), `classes` (N,) in 0 … K-1. For an annotation of class
y, its class is redrawn where its FLIP draw is below y's rate; the TARGET draw then chooses. The
FLIP draw knows nothing of the rate: what is redrawn at 20 % is redrawn at 40 % with the same seed,
to the same class.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from noisyseg.noise.draws import Purpose, StepDraws

Indices = NDArray[np.int64]
Words = NDArray[np.uint64]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Transition(Protocol):
    """The law of a step; `sources` (K,) says which classes it can redraw at all."""

    @property
    def sources(self) -> Mask:
        """Classes that may flip, whatever the rate, shape (K,)."""

    def matrix(self) -> Floats:
        """T[i, j] = P(new class j | class i), shape (K, K)."""

    def redraw(self, ids: Words, classes: Indices, draws: StepDraws) -> Indices:
        """The new classes, shape (N,)."""


@dataclass(frozen=True, kw_only=True)
class UniformTargets:
    """Each class is redrawn at one rate, uniformly from a list of its own.

    Attributes:
        rate: in [0, 1].
        targets: K sequences of class indices; empty: the class never flips. A list may hold its
            own class, or a class several times, which is then as much likelier.
    """

    rate: float
    targets: Sequence[Sequence[int]]

    @property
    def sources(self) -> Mask:
        return np.array([len(row) > 0 for row in self.targets], dtype=np.bool_)

    def matrix(self) -> Floats:
        matrix = np.eye(len(self.targets))
        for source, row in enumerate(self.targets):
            if len(row):
                matrix[source, source] -= self.rate
                np.add.at(matrix[source], list(row), self.rate / len(row))
        return matrix

    def redraw(self, ids: Words, classes: Indices, draws: StepDraws) -> Indices:
        sizes = np.array([len(row) for row in self.targets], dtype=np.int64)
        table = np.zeros((len(sizes), max(int(sizes.max(initial=0)), 1)), dtype=np.int64)
        for source, row in enumerate(self.targets):
            table[source, : len(row)] = row
        flips = (draws.uniform(Purpose.FLIP, ids) < self.rate) & (sizes[classes] > 0)
        after = classes.copy()
        own = classes[flips]
        after[flips] = table[own, draws.choice(Purpose.TARGET, ids[flips], sizes[own])]
        return after


@dataclass(frozen=True, kw_only=True)
class MatrixTransition:
    """Each class turns into class j with the probability in column j of its row.

    Attributes:
        rows: row-stochastic, shape (K, K).
    """

    rows: Floats

    @property
    def sources(self) -> Mask:
        return np.ones(len(self.rows), dtype=np.bool_)

    def matrix(self) -> Floats:
        return self.rows

    def redraw(self, ids: Words, classes: Indices, draws: StepDraws) -> Indices:
        off_diagonal = self.rows * ~np.eye(len(self.rows), dtype=np.bool_)
        leaving = np.cumsum(off_diagonal, axis=1)
        rates = leaving[:, -1]
        after = classes.copy()
        flips = np.flatnonzero(draws.uniform(Purpose.FLIP, ids) < rates[classes])
        aims = draws.uniform(Purpose.TARGET, ids[flips]) * rates[classes[flips]]
        for source in np.unique(classes[flips]).tolist():
            chosen = classes[flips] == source
            after[flips[chosen]] = _first_above(leaving[source], aims[chosen])
        return after


def _first_above(cumulated: Floats, aims: Floats) -> Indices:
    found = np.searchsorted(cumulated, aims, side="right")
    # An aim that rounding lifted to the sum itself belongs to the last class of any probability.
    return np.minimum(found, np.searchsorted(cumulated, cumulated[-1], side="left"))
