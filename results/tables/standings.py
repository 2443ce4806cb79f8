"""Which method is best in each column of a table, and which are not told from it."""

import math
from collections.abc import Hashable, Mapping
from statistics import fmean

from noisyseg.results.statistics.differences import differences_of

BEST, TIE = "best", "tie"
Cells = Mapping[tuple[str, str], Mapping[Hashable, tuple[str, float]]]
"""(method, noise) → seeds → state and number; NaN where that is not known."""


def standings(cells: Cells) -> dict[tuple[str, str], str]:
    """The highest mean of each noise setting, and the methods that no test tells from it.

    Two are told apart by `differences_of`, at 5 % over all pairs of a setting. Of a setting where
    nothing can be tested, of one seed say, nothing is said; nor of a method that shares no two
    seeds with the best. One that lies above it at the seeds that both have ties with it: the best
    has had more luck at others.

    Args:
        cells: of a metric of which more is better.

    Returns:
        (method, noise) → best or tie.
    """
    by_noise: dict[str, dict[str, dict[Hashable, float]]] = {}
    for (method, noise), seeds in cells.items():
        known = {seed: value for seed, (_, value) in seeds.items() if math.isfinite(value)}
        if known:
            by_noise.setdefault(noise, {})[method] = known
    found = {}
    for noise, methods in by_noise.items():
        best = max(methods, key=lambda method: fmean(methods[method].values()))
        pairs = [p for p in differences_of(methods).known if best in (p.one, p.other)]
        if pairs:
            found[best, noise] = BEST
        for pair in pairs:
            ahead = pair.mean if pair.one == best else -pair.mean
            if ahead <= pair.half:
                found[pair.other if pair.one == best else pair.one, noise] = TIE
    return found
