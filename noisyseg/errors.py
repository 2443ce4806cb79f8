"""Errors a user can mend: the command line prints their message alone and exits with status 2."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches


class InputError(ValueError):
    """Unusable input. The message says what was wanted, what arrived, where, and what to do."""


class UnusableFileError(InputError):
    """A file that is there, and of which nothing can be made before it is mended."""


@contextmanager
def placed(where: str) -> Iterator[None]:
    """What is raised inside as an `InputError` gets the place before its message; none if empty."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}" if where else str(error)) from error


def unknown_name(kind: str, name: object, known: Iterable[str], where: str = "") -> InputError:
    """An `InputError` for a name that is not known, suggesting the nearest known one.

    Args:
        kind: what the name stands for ("method", "key", …).
        name: the name that arrived.
        known: every name that would have been accepted.
        where: the place it came from (file and line, option), empty if obvious.
    """
    names = sorted(known)
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    place = f"{where}: " if where else ""
    return InputError(f"{place}unknown {kind} {str(name)!r}.{hint} Known: {', '.join(names)}.")
