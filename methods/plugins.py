"""Methods of anyone's own: from a file, or from an installed package's entry points.

Either is code that its user chose to run. A file's content travels with the runs, so that those
queued for hours have the method that they were planned with, and other machines need no copy.
"""

import hashlib
import inspect
import linecache
import math
import sys
from collections.abc import Collection, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import decode_source
from pathlib import Path
from types import ModuleType
from typing import Any

from noisyseg.errors import InputError
from noisyseg.methods.context import NEEDS
from noisyseg.methods.method import GIVEN, Method

GROUP = "noisyseg.methods"
"""The entry points' group; an entry point's name is its method's."""


@dataclass(kw_only=True, slots=True, frozen=True)
class MethodSource:
    """A method in a file, as it was read.

    Attributes:
        path: as given.
        name: of the function or class in it, and of the method.
        content: the file's bytes.
    """

    path: str
    name: str
    content: bytes


def read_method_file(text: str) -> MethodSource:
    """The file and the name that `path.py:name` says.

    Raises:
        InputError: no such form, or a file that cannot be read.
    """
    path, colon, name = text.rpartition(":")
    if not colon or not path.endswith(".py") or not name.isidentifier():
        raise InputError(
            f"wanted path.py:name, a Python file and the function or class in it, got {text!r}."
        )
    try:
        return MethodSource(path=path, name=name, content=Path(path).read_bytes())
    except OSError as error:
        raise InputError(
            f"{path}: the method's file cannot be read: {error.strerror or error}."
        ) from error


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
    module = _run(source)
    definition = getattr(module, source.name, None)
    if definition is None:
        raise InputError(
            f"{source.path} has no {source.name!r}. At its top level it has: {_own(module)}."
        )
    return method_of(
        definition,
        name=source.name,
        file_sha256=hashlib.sha256(source.content).hexdigest(),
        origin=source.path,
        module=module,
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
    paper = getattr(definition, "paper", None) or getattr(module, "paper", None)
    document = (definition.__doc__ or "").strip().splitlines()
    return Method(
        name=name,
        definition=definition,
        paper=str(paper or "not stated"),
        summary=document[0] if document else "not described",
        file_sha256=file_sha256,
        origin=origin,
        source=source,
    )


@cache
def _entries() -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        same = found.setdefault(entry.name, [])
        # A package seen by way of two folders of the path is one package.
        if entry.value not in [other.value for other in same]:
            same.append(entry)
    return found


def installed_names() -> list[str]:
    """Names of the methods that installed packages offer; none of them is imported."""
    return sorted(_entries())


@cache
def installed_method(name: str, taken: tuple[str, ...] = ()) -> Method:
    """The method of an installed package, imported now.

    Args:
        name: of `installed_names`.
        taken: names of built-in methods.

    Raises:
        InputError: it cannot be imported, is no method, or shares its name.
    """
    entries = _entries()[name]
    where = " and ".join(sorted(_distribution(entry) for entry in entries))
    if name in taken or len(entries) > 1:
        also = "a built-in method has it too" if name in taken else "both have it"
        raise InputError(
            f"the method name {name!r} is of {where}, and {also}. Rename the entry point in the "
            "package, or uninstall it."
        )
    try:
        with redirect_stdout(sys.stderr):
            definition = entries[0].load()
    except Exception as error:  # a stranger's code may raise anything
        raise InputError(
            f"method {name!r} of {where} cannot be imported: {type(error).__name__}: {error}."
        ) from error
    module = sys.modules[entries[0].module]
    file = inspect.getsourcefile(sys.modules.get(getattr(definition, "__module__", ""), module))
    if file is None:
        raise InputError(f"method {name!r} of {where} has no Python file to hash for the run key.")
    return method_of(
        definition,
        name=name,
        file_sha256=hashlib.sha256(Path(file).read_bytes()).hexdigest(),
        origin=where,
        module=module,
    )


def _distribution(entry: EntryPoint) -> str:
    return "an unknown package" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"


def _run(source: MethodSource) -> ModuleType:
    """The module that a file's content makes; the same content is run once a process."""
    digest = hashlib.sha256(source.content).hexdigest()
    name = f"noisyseg_method_{digest[:16]}"
    known = sys.modules.get(name)
    if known is not None:
        return known
    module = ModuleType(name)
    module.__file__ = source.path
    try:
        text = decode_source(source.content)
        code = compile(text, source.path, "exec")
        # Tracebacks show the lines that were run, whatever has become of the file.
        lines = text.splitlines(keepends=True)
        linecache.cache[source.path] = (len(text), None, lines, source.path)
        sys.modules[name] = module  # dataclasses look their module up
        with redirect_stdout(sys.stderr):  # what it prints is no answer of a command
            exec(code, module.__dict__)
    except BaseException as error:  # a stranger's code may raise anything, or exit
        sys.modules.pop(name, None)
        if not isinstance(error, (Exception, SystemExit)):
            raise
        line = error.lineno if isinstance(error, SyntaxError) else _line(error, source.path)
        raise InputError(
            f"{source.path}{'' if line is None else f', line {line}'}: the method's file cannot be "
            f"run: {type(error).__name__}: {error}."
        ) from error
    return module


def _line(error: BaseException, path: str) -> int | None:
    """The last line of a file that an error went through."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _own(module: ModuleType) -> str:
    members: Mapping[str, Any] = vars(module)
    names = [
        name
        for name, value in members.items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    return ", ".join(names) or "no function and no class"


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
