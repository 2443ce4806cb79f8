"""Methods that vary over seeds more than the others do: of those, a common spread tells too little.

A method's numbers less the others' mean at the same seeds have, if all methods vary alike, the
others' own residual variance times 1 + 1 / (M - 1); the two are independent, so that their ratio is
F with n - 1 and (M - 2)(n - 1) degrees of freedom.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from noisyseg.results.statistics.differences import Values
from noisyseg.results.statistics.spread import layout_of

LEVEL = 0.1  # few seeds see an uneven method seldom; taking an even one for it costs power alone


def uneven_methods(values: Values) -> set[str]:
    """Those whose spread is larger than the others', by an F test at 10 % each.

    Args:
        values: of methods; those that lack most seeds are not looked at, nor are fewer than three.
    """
    layout = layout_of(values)
    table = layout.values
    if table.ndim != 2 or len(table) < 3 or table.shape[1] < 2:
        return set()
    return {
        method
        for place, method in enumerate(layout.methods)
        if _chance(table[place], np.delete(table, place, axis=0)) <= LEVEL
    }


def _chance(own: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """How likely the spread of n numbers is as large, if it is that of the others, (M - 1, n)."""
    m, n = others.shape
    rest = others - others.mean(axis=1, keepdims=True) - others.mean(axis=0) + others.mean()
    common = float(np.square(rest).sum()) / ((m - 1) * (n - 1))
    excess = float((own - others.mean(axis=0)).var(ddof=1)) / (1 + 1 / m)
    if common <= 1e-20 * float(np.square(others).mean()):
        return 1.0  # the others do not vary: that says nothing of how much a method may
    return float(fdtrc(n - 1, (m - 1) * (n - 1), excess / common))
