"""How a class turns into another: the law of a step of class noise, known before any draw.

Shapes: N annotations, K classes; `ids` (N,), `classes` (N,) in 0 … K-1. For an annotation of class
y, its class is redrawn where its FLIP draw is below y's rate; the TARGET draw then chooses. The
FLIP draw knows nothing of the rate: what is redrawn at 20 % is redrawn at 40 % with the same seed,
to the same class.
"""

import math
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
    """The law of a step of class noise in one file."""

    @property
    def sources(self) -> Mask:
        """Classes whose annotations may be redrawn, whatever the rate, shape (K,)."""

    def matrix(self) -> Floats | None:
        """T[i, j] = P(new class j | class i), shape (K, K); None where it is not the class's."""

    def expected_flips(self, ids: Words, classes: Indices) -> float:
        """How many of these annotations get another class in the mean over all seeds."""

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
        """Classes with targets, shape (K,)."""
        return np.array([len(row) > 0 for row in self.targets], dtype=np.bool_)

    def matrix(self) -> Floats:
        """See `Transition`."""
        matrix = np.zeros((len(self.targets), len(self.targets)))
        for source, row in enumerate(self.targets):
            np.add.at(matrix[source], list(row), self.rate / max(len(row), 1))
        return _with_diagonal(matrix, self._leaving())

    def expected_flips(self, ids: Words, classes: Indices) -> float:
        """See `Transition`."""
        return _weighted_count(classes, self._leaving())

    def redraw(self, ids: Words, classes: Indices, draws: StepDraws) -> Indices:
        """See `Transition`."""
        sizes = np.array([len(row) for row in self.targets], dtype=np.int64)
        table = np.zeros((len(sizes), max(int(sizes.max(initial=0)), 1)), dtype=np.int64)
        for source, row in enumerate(self.targets):
            table[source, : len(row)] = row
        flips = (draws.uniform(Purpose.FLIP, ids) < self.rate) & (sizes[classes] > 0)
        after = classes.copy()
        own = classes[flips]
        after[flips] = table[own, draws.choice(Purpose.TARGET, ids[flips], sizes[own])]
        return after

    def _leaving(self) -> Floats:
        others = [sum(target != own for target in row) for own, row in enumerate(self.targets)]
        sizes = [max(len(row), 1) for row in self.targets]
        return self.rate * np.array(others, dtype=np.float64) / np.array(sizes, dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class MatrixTransition:
    """Each class turns into class j with the probability in column j of its row.

    Attributes:
        rows: of at least 0, no row above 1, shape (K, K); the diagonal is what the others leave.
    """

    rows: Floats

    @property
    def sources(self) -> Mask:
        """Classes that any other has a probability for, shape (K,)."""
        return self._cumulated()[:, -1] > 0

    def matrix(self) -> Floats:
        """See `Transition`."""
        return _with_diagonal(self.rows, self._cumulated()[:, -1])

    def expected_flips(self, ids: Words, classes: Indices) -> float:
        """See `Transition`."""
        return _weighted_count(classes, self._cumulated()[:, -1])

    def redraw(self, ids: Words, classes: Indices, draws: StepDraws) -> Indices:
        """See `Transition`."""
        cumulated = self._cumulated()
        rates = cumulated[:, -1]
        after = classes.copy()
        flips = np.flatnonzero(draws.uniform(Purpose.FLIP, ids) < rates[classes])
        aims = draws.uniform(Purpose.TARGET, ids[flips]) * rates[classes[flips]]
        for source in np.unique(classes[flips]).tolist():
            chosen = classes[flips] == source
            after[flips[chosen]] = _first_above(cumulated[source], aims[chosen])
        return after

    def _cumulated(self) -> Floats:
        # A running sum is the same on every platform; numpy's pairwise one need not be.
        off_diagonal = self.rows * ~np.eye(len(self.rows), dtype=np.bool_)
        return np.cumsum(off_diagonal, axis=1)


def _with_diagonal(matrix: Floats, leaving: Floats) -> Floats:
    filled = matrix.copy()
    np.fill_diagonal(filled, np.maximum(1.0 - leaving, 0.0))
    return filled


def _weighted_count(classes: Indices, leaving: Floats) -> float:
    # By class and exactly rounded, so that the order of the annotations cannot change a bit of it.
    counts = np.bincount(classes, minlength=len(leaving))
    return math.fsum((counts * leaving).tolist())


def _first_above(cumulated: Floats, aims: Floats) -> Indices:
    found = np.searchsorted(cumulated, aims, side="right")
    # An aim that rounding lifted to the sum itself belongs to the last class of any probability.
    last = int(np.searchsorted(cumulated, cumulated[-1], side="left"))
    return np.minimum(found, last).astype(np.int64)
