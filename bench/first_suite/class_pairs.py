"""Which classes people take for one another: guessed from super-categories, else from names."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations

BY_SUPERCLASS, BY_NAME = "super-categories", "names"

_WORD = re.compile(r"[^\W\d_]+")
_LEAST_LETTERS = 3
_MOST_CLASSES = 400  # pairs of names that are compared grow with the square


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """Classes that turn into each other.

    Attributes:
        pairs: each class in one of them at most, in the classes' order.
        source: BY_SUPERCLASS or BY_NAME; None where nothing tells.
    """

    pairs: list[tuple[str, str]]
    source: str | None


def propose_pairs(classes: Sequence[str], superclasses: Mapping[str, str | None]) -> Pairs:
    """Pairs within super-categories, if these divide the classes; else of similar names.

    Super-categories divide them if there are at least two of them, and one has two classes.

    Args:
        classes: that are trained, in order.
        superclasses: of each class; None where there is none.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        above = superclasses.get(name)
        if above is not None:
            groups[above].append(name)
    if len(groups) > 1 and any(len(members) > 1 for members in groups.values()):
        pairs = [pair for members in groups.values() for pair in _paired(members)]
        return Pairs(pairs=_ordered(pairs, classes), source=BY_SUPERCLASS)
    pairs = _paired(classes, alike=True)
    return Pairs(pairs=_ordered(pairs, classes), source=BY_NAME if pairs else None)


def _paired(names: Sequence[str], *, alike: bool = False) -> list[tuple[str, str]]:
    """The most similar two, then the most similar of the rest, and so on.

    Args:
        alike: whether only names that share a word are paired.
    """
    if len(names) > _MOST_CLASSES:
        return []
    words = {name: _words(name) for name in names}
    counts = Counter(word for own in words.values() for word in own)
    # What all names have in common (class 1, class 2, …) tells none from another.
    common = {word for word, count in counts.items() if len(names) > 2 and count == len(names)}
    ranked = sorted(
        (-_similarity(one, other), place)
        for place, (one, other) in enumerate(combinations(names, 2))
        if not alike or (words[one] & words[other]) - common
    )
    every = list(combinations(names, 2))
    taken: set[str] = set()
    pairs = []
    for _, place in ranked:
        one, other = every[place]
        if one not in taken and other not in taken:
            taken |= {one, other}
            pairs.append((one, other))
    return pairs


def _words(name: str) -> set[str]:
    return {word for word in _WORD.findall(name.casefold()) if len(word) >= _LEAST_LETTERS}


def _similarity(one: str, other: str) -> float:
    return SequenceMatcher(None, one.casefold(), other.casefold(), autojunk=False).ratio()


def _ordered(pairs: Sequence[tuple[str, str]], classes: Sequence[str]) -> list[tuple[str, str]]:
    place = {name: number for number, name in enumerate(classes)}
    return sorted(pairs, key=lambda pair: place[pair[0]])
