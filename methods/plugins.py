"""Methods of anyone's own: from a file, or from an installed package's entry points.

Either is code that its user chose to run. A file's content travels with the runs, so that those
queued for hours have the method that they were planned with, and other machines need no copy.
"""

import inspect
import math
import sys
from collections.abc import Collection
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from noisyseg.errors import InputError, unknown_name
from noisyseg.files import sha256_bytes
from noisyseg.methods.built_in import METHODS
from noisyseg.methods.context import NEEDS
from noisyseg.methods.method import GIVEN, Method, MethodSource
from noisyseg.methods.stages import Beginning
from noisyseg.own_code import CodeFile, in_file, in_package, installed, read_code

GROUP = "noisyseg.methods"
"""The entry points' group; an entry point's name is its method's."""

WHAT = "method"
NOT_STATED, NOT_DESCRIBED = "not stated", "not described"
"""A method's paper and its summary, where its file has none."""


def read_method_file(text: str) -> MethodSource:
    """The file and the name that `path.py:name` says.

    Raises:
        InputError: no such form, or a file that cannot be read.
    """
    file, name = read_code(text, WHAT)
    return MethodSource(path=file.path, name=name, content=file.content)


def load_method(source: MethodSource, *, taken: Collection[str] = ()) -> Method:
    """Run a method's file and take the method from it.

    Args:
        source: the file's content and the method's name.
        taken: names that a method cannot have, since built-in ones have them.

    Raises:
        InputError: the file cannot be run, has no such name, or what has it is no method.
    """
    if source.name in taken:
        raise InputError(
            f"{source.path}: a built-in method is called {source.name!r}; give yours another name."
        )
    found = in_file(CodeFile(path=source.path, content=source.content), source.name, WHAT)
    return method_of(
        found.definition,
        name=source.name,
        file_sha256=sha256_bytes(source.content),
        origin=source.path,
        module=found.module,
        source=source,
    )


def method_of(
    definition: Any,
    *,
    name: str,
    file_sha256: str,
    origin: str,
    module: ModuleType,
    source: MethodSource | None = None,
) -> Method:
    """A definition as a method, its signature checked.

    Raises:
        InputError: it is no function (logits, labels, ...) and no class with such a `loss`.
    """
    place = f"{origin}: method {name!r}"
    if not callable(definition):
        raise InputError(f"{place}: wanted a function or a class, got {definition!r}.")
    is_class = isinstance(definition, type)
    if is_class:
        if not callable(getattr(definition, "loss", None)):
            raise InputError(f"{place}: the class lacks a method loss(logits, labels, ctx).")
        _check_arguments(definition.loss, ("self", *GIVEN), place)
    _check_parameters(definition, place, skip=0 if is_class else 2)
    unknown = set(getattr(definition, "needs", ())) - set(NEEDS)
    if unknown:
        raise InputError(
            f"{place}: it can need {' or '.join(NEEDS)}, not {', '.join(map(str, unknown))}."
        )
    beginning = getattr(definition, "begins_as", None)
    if beginning is not None:
        _check_beginning(beginning, definition, place)
    paper = getattr(definition, "paper", None) or getattr(module, "paper", None)
    document = (definition.__doc__ or "").strip().splitlines()
    return Method(
        name=name,
        definition=definition,
        paper=str(paper or NOT_STATED),
        summary=document[0] if document else NOT_DESCRIBED,
        begins_as=beginning,
        file_sha256=file_sha256,
        origin=origin,
        source=source,
    )


def installed_names() -> list[str]:
    """Names of the methods that installed packages offer; none of them is imported."""
    return sorted(installed(GROUP))


@cache
def installed_method(name: str, taken: tuple[str, ...] = ()) -> Method:
    """The method of an installed package, imported now.

    Args:
        name: of `installed_names`.
        taken: names of built-in methods.

    Raises:
        InputError: it cannot be imported, is no method, or shares its name.
    """
    found = in_package(GROUP, name, WHAT, taken=name in taken)
    defined_in = getattr(found.definition, "__module__", "")
    file = inspect.getsourcefile(sys.modules.get(defined_in, found.module))
    if file is None:
        raise InputError(
            f"method {name!r} of {found.origin} has no Python file to hash for the run key."
        )
    return method_of(
        found.definition,
        name=name,
        file_sha256=sha256_bytes(Path(file).read_bytes()),
        origin=found.origin,
        module=found.module,
    )


def _check_arguments(function: Any, wanted: tuple[str, ...], place: str) -> None:
    names = tuple(inspect.signature(function).parameters)
    if names[: len(wanted)] != wanted:
        raise InputError(f"{place}: wanted ({', '.join(wanted)}), got ({', '.join(names)}).")


def _check_parameters(definition: Any, place: str, *, skip: int) -> None:
    """Arguments that are given first, then parameters with a default that a suite can write."""
    parameters = list(inspect.signature(definition).parameters.values())
    if skip:
        _check_arguments(definition, GIVEN[:skip], place)
    for parameter in parameters[skip:]:
        if skip and parameter.name == "ctx":
            continue
        if parameter.kind not in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            raise InputError(f"{place}: parameter {parameter} has no name of its own for a suite.")
        if not _is_value(parameter.default):
            raise InputError(
                f"{place}: parameter {parameter.name!r} needs a default that is a finite number, "
                f"true or false, or a word; got {_default(parameter)}."
            )


def _check_beginning(beginning: Any, definition: Any, place: str) -> None:
    """What it says of its first epochs names a built-in method, and parameters that it has."""
    if not isinstance(beginning, Beginning):
        raise InputError(
            f"{place}: begins_as must be what @noisyseg.methods.stages.begins_as makes of it, got "
            f"{beginning!r}."
        )
    if beginning.method not in METHODS:
        error = unknown_name("method that it begins as", beginning.method, METHODS)
        raise InputError(f"{place}: {error}")
    parameters = inspect.signature(definition).parameters
    until, when = beginning.until, beginning.when
    share = parameters[until].default if isinstance(until, str) and until in parameters else until
    if isinstance(share, bool) or not isinstance(share, (int, float)):
        raise InputError(
            f"{place}: it begins as {beginning.method!r} until {until!r}: wanted a share of all "
            "epochs, or a parameter that is one."
        )
    if when is not None and not (when in parameters and isinstance(parameters[when].default, bool)):
        raise InputError(
            f"{place}: it begins as {beginning.method!r} when {when!r}: wanted a parameter that is "
            "true or false."
        )


def _is_value(default: Any) -> bool:
    """Whether a run key can hold it."""
    if isinstance(default, (int, float)):
        try:
            return math.isfinite(default)
        except OverflowError:  # an int beyond float's range
            return False
    return isinstance(default, str)


def _default(parameter: inspect.Parameter) -> str:
    return "none" if parameter.default is parameter.empty else repr(parameter.default)[:80]
