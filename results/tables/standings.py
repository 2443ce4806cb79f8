"""Which method is best in each column of a table, and which are not told from it."""

from statistics import fmean

from noisyseg.results.statistics.differences import differences_of
from noisyseg.results.tables.table import Cells, known_numbers

BEST, TIE = "best", "tie"


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
    found = {}
    for noise, of_methods in known_numbers(cells).items():
        methods = {method: known for method, known in of_methods.items() if known}
        if not methods:
            continue
        best = max(methods, key=lambda method: fmean(methods[method].values()))
        pairs = [p for p in differences_of(methods).known if best in (p.one, p.other)]
        if pairs:
            found[best, noise] = BEST
        for pair in pairs:
            ahead = pair.mean if pair.one == best else -pair.mean
            if ahead <= pair.half:
                found[pair.other if pair.one == best else pair.one, noise] = TIE
    return found
