"""Many tests at once: Holm's correction (Scandinavian Journal of Statistics 6, 1979)."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def holm(values: Mapping[Name, float]) -> dict[Name, float]:
    """Corrected p values: those of at most 5 % hold all together at 5 %, whatever their dependence.

    The smallest is multiplied by the number of tests, the next by one less, and so on; none becomes
    smaller than one before it.

    >>> {pair: round(p, 2) for pair, p in holm({"a": 0.01, "b": 0.04, "c": 0.03}).items()}
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    found: dict[Name, float] = {}
    largest = 0.0
    for place, name in enumerate(sorted(values, key=lambda name: values[name])):
        largest = max(largest, min(1.0, values[name] * (len(values) - place)))
        found[name] = largest
    return {name: found[name] for name in values}
