"""Student's t of numbers whose variance has two parts, each with degrees of freedom of its own.

P numbers. The half-widths of both parts add in squares.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]


def half_width(levels: Floats, parts: Floats, degrees: Floats) -> Floats:
    """Half of the intervals that leave out so much: each part's by Student's t, added in squares.

    Args:
        levels: shape (P,).
        parts: variances, shape (P, 2).
        degrees: of freedom, shape (P, 2).
    """
    t = stdtrit(degrees, levels[:, None] / 2)
    return np.asarray(np.sqrt((np.square(t) * parts).sum(axis=1)))


def p_values(means: Floats, parts: Floats, degrees: Floats, *, least: float) -> list[float]:
    """The p of each mean: the level at which the interval around it just reaches 0.

    Args:
        means: shape (P,).
        parts: variances, shape (P, 2).
        degrees: of freedom, shape (P, 2).
        least: no p is told to be smaller.
    """
    low: Floats = np.full(len(means), np.log(least))
    high: Floats = np.zeros(len(means))
    for _ in range(50):
        middle = (low + high) / 2
        holds = half_width(np.exp(middle), parts, degrees) >= np.abs(means)
        low, high = np.where(holds, middle, low), np.where(holds, high, middle)
    found: list[float] = np.round(np.exp((low + high) / 2), 12).tolist()
    return found
