"""Methods by name, with their parameters checked."""

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from noisyseg.errors import InputError, placed, unknown_name
from noisyseg.methods.built_in import ALIASES, METHODS
from noisyseg.methods.method import Method, ResolvedMethod, Value
from noisyseg.methods.plugins import (
    installed_method,
    installed_names,
    load_method,
    read_method_file,
)

TAKEN = (*METHODS, *ALIASES)
"""Names that no other method can have."""


def is_known(name: str) -> bool:
    """Whether a method that is built in or installed has the name or alias."""
    return name in TAKEN or name in installed_names()


def own_name(name: str) -> str:
    """The method's own name, of which an alias may be given."""
    return ALIASES.get(name, name)


def aliases(name: str) -> list[str]:
    """Other names of the method with this own name."""
    return [alias for alias, own in ALIASES.items() if own == name]


def methods_of_files(texts: Iterable[str]) -> dict[str, Method]:
    """The methods of `path.py:name` texts, by name.

    Raises:
        InputError: a file without the method, a name that is taken, or the same name twice.
    """
    own: dict[str, Method] = {}
    for text in texts:
        method = load_method(read_method_file(text), taken=TAKEN)
        other = own.setdefault(method.name, method)
        if other.file_sha256 != method.file_sha256:
            raise InputError(
                f"{other.origin} and {method.origin} both have a method {method.name!r}; rename "
                "one of them."
            )
    return own


def find(name: Any, *, own: Mapping[str, Method] | None = None, where: str = "") -> Method:
    """The method of a name: built in, of the user's own files, or of an installed package.

    Args:
        name: a key of `METHODS` or `ALIASES`, of own, or an installed package's.
        own: methods from files, by name.
        where: the place that it came from (file and line), put before messages.

    Raises:
        InputError: a name that is not known, or an installed method that cannot be used.
    """
    own = own or {}
    canonical = own_name(name) if isinstance(name, str) else name
    if isinstance(canonical, str):
        if canonical in METHODS:
            return METHODS[canonical]
        if canonical in own:
            return own[canonical]
        if canonical in installed_names():
            with placed(where):
                return installed_method(canonical, TAKEN)
    known = [*METHODS, *ALIASES, *own, *installed_names()]
    error = unknown_name("method", name, known, where)
    raise InputError(f"{error} A method in a file of yours comes by --method-file PATH.py:NAME.")


def beginning(method: ResolvedMethod, num_epochs: int) -> tuple[ResolvedMethod, int]:
    """Which method it is in the first epochs of a training, bit for bit, and in how many.

    Itself in all of them, if it says nothing of another, or never is that with its parameters.
    """
    other = method.method.begins_as
    epochs = 0 if other is None else other.epochs(method.parameters, num_epochs)
    if other is None or epochs == 0:
        return method, num_epochs
    return resolve(other.method, {}), epochs


def named(text: str) -> ResolvedMethod:
    """The method that a command line names, with its defaults: NAME, or PATH.py:NAME.

    Raises:
        InputError: a name that is not known, or a file without a method of that name.
    """
    if ".py:" not in text:
        return resolve(text, {})
    own = methods_of_files([text])
    return resolve(next(iter(own)), {}, own=own)


def resolve(
    name: Any,
    parameters: Mapping[str, Any],
    where: str = "",
    *,
    own: Mapping[str, Method] | None = None,
) -> ResolvedMethod:
    """The method of a name or alias, with every parameter checked and filled in.

    Args:
        name: see `find`.
        parameters: values by parameter name; those left out take their default. Whole numbers
            become floats, so that 1 and 1.0 give the same run key.
        where: the place they came from (file and line), put before messages.
        own: methods from files, by name.

    Raises:
        InputError: a name that is not known, or a value that is of the wrong kind or range.
    """
    method = find(name, own=own, where=where)
    place = f"{where}: " if where else ""
    if not isinstance(parameters, Mapping):
        raise InputError(
            f"{place}parameters of method {method.name!r} must be a mapping of names to numbers, "
            f"got {parameters!r}."
        )
    values = dict(method.defaults)
    for key, value in parameters.items():
        if not values:
            raise InputError(f"{place}method {method.name!r} has no parameters, got {key!r}.")
        if key not in values:
            raise unknown_name(f"parameter of method {method.name!r}", key, values, where)
        what = f"{place}parameter {key!r} of method {method.name!r}"
        values[key] = _checked(value, values[key], what)
    resolved = ResolvedMethod(method=method, parameters=values)
    if method.file_sha256 is not None or values != method.defaults:
        _check_ranges(resolved, place)
    return resolved


def _check_ranges(resolved: ResolvedMethod, place: str) -> None:
    """Let the method's own checks speak, which need torch: without it, nothing can be trained."""
    try:
        from noisyseg.methods.trial import try_ranges
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        return
    try_ranges(resolved, place)


def _checked(value: Any, default: Value, what: str) -> Value:
    """The value, if it is of its default's kind."""
    if isinstance(default, bool):
        return _switch(value, what)
    if isinstance(default, str):
        return _word(value, what)
    return _number(value, what)


def _number(value: Any, what: str) -> float:
    number = math.nan
    if isinstance(value, Real) and not isinstance(value, bool):  # Python counts True as a Real
        try:
            number = float(value)
        except OverflowError:  # an int beyond float's range
            number = math.inf
    if not math.isfinite(number):
        raise InputError(f"{what} must be a finite number, got {value!r}.")
    return number + 0.0  # -0.0 would give another run key than 0.0


def _switch(value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{what} must be true or false, got {value!r}.")
    return value


def _word(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{what} must be a word, got {value!r}.")
    return value
