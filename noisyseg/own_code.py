"""Code of a user's own: from a file, or from an installed package's entry points.

Either is code that its user chose to run, and runs as the user.
"""

import hashlib
import inspect
import linecache
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import decode_source
from pathlib import Path
from types import ModuleType
from typing import Any

from noisyseg.errors import InputError

_MODULE = "noisyseg_own_"
_READ: dict[str, "CodeFile"] = {}  # the files that were run in this process, by their module's name


@dataclass(kw_only=True, slots=True, frozen=True)
class CodeFile:
    """A file as it was read.

    Attributes:
        path: as given.
        content: the file's bytes.
    """

    path: str
    content: bytes


@dataclass(kw_only=True, slots=True, frozen=True)
class Found:
    """What a file or a package has under a name.

    Attributes:
        definition: whatever it is.
        module: that it was found in.
        origin: the distribution and its version, or the file.
    """

    definition: Any
    module: ModuleType
    origin: str


def read_code(text: str, what: str) -> tuple[CodeFile, str]:
    """The file and the name that `path.py:name` says; nothing is run.

    Args:
        text: as a user gave it.
        what: is wanted of it, for messages: "noise type".

    Raises:
        InputError: no such form, or a file that cannot be read.
    """
    path, colon, name = text.rpartition(":")
    if not colon or not path.endswith(".py") or not name.isidentifier():
        raise InputError(f"wanted path.py:name, a Python file and the {what} in it, got {text!r}.")
    try:
        return CodeFile(path=path, content=Path(path).read_bytes()), name
    except OSError as error:
        raise InputError(
            f"{path}: the {what}'s file cannot be read: {error.strerror or error}."
        ) from error


def in_file(file: CodeFile, name: str, what: str) -> Found:
    """What a file has under a name; the file is run.

    Raises:
        InputError: a file that cannot be run, or that lacks the name.
    """
    module = run_file(file, what)
    if not hasattr(module, name):
        raise InputError(f"{file.path} has no {name!r}. At its top level it has: {_own(module)}.")
    return Found(definition=getattr(module, name), module=module, origin=file.path)


def run_file(file: CodeFile, what: str) -> ModuleType:
    """The module that a file's content makes; the same content is run once a process.

    Raises:
        InputError: the file cannot be run, and the line that raised.
    """
    name = f"{_MODULE}{hashlib.sha256(file.content).hexdigest()[:16]}"
    known = sys.modules.get(name)
    if known is not None:
        return known
    module = ModuleType(name)
    module.__file__ = file.path
    try:
        text = decode_source(file.content)
        code = compile(text, file.path, "exec")
        # Tracebacks show the lines that were run, whatever has become of the file.
        lines = text.splitlines(keepends=True)
        linecache.cache[file.path] = (len(text), None, lines, file.path)
        sys.modules[name] = module  # dataclasses look their module up
        with redirect_stdout(sys.stderr):  # what it prints is no answer of a command
            exec(code, module.__dict__)
    except BaseException as error:  # a stranger's code may raise anything, or exit
        sys.modules.pop(name, None)
        if not isinstance(error, (Exception, SystemExit)):
            raise
        line = error.lineno if isinstance(error, SyntaxError) else _line(error, file.path)
        raise InputError(
            f"{file.path}{'' if line is None else f', line {line}'}: the {what}'s file cannot be "
            f"run: {type(error).__name__}: {error}."
        ) from error
    _READ[name] = file
    return module


def file_of(module: str) -> CodeFile | None:
    """The file that a module of this process was made from, if `run_file` made it."""
    return _READ.get(module)


@cache
def installed(group: str) -> dict[str, list[EntryPoint]]:
    """The entry points of a group, by name; none of them is imported."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=group):
        same = found.setdefault(entry.name, [])
        # A package seen by way of two folders of the path is one package.
        if entry.value not in [other.value for other in same]:
            same.append(entry)
    return found


def in_package(group: str, name: str, what: str, *, taken: bool = False) -> Found:
    """What an installed package offers under a name, imported now.

    Args:
        group: of the entry points.
        name: of `installed(group)`.
        what: is wanted of it, for messages.
        taken: whether a built-in has the name.

    Raises:
        InputError: it cannot be imported, or shares its name.
    """
    entries = installed(group)[name]
    where = " and ".join(sorted(_distribution(entry) for entry in entries))
    if taken or len(entries) > 1:
        also = f"a built-in {what} has it too" if taken else "both have it"
        raise InputError(
            f"the {what} name {name!r} is of {where}, and {also}. Rename the entry point in the "
            "package, or uninstall it."
        )
    try:
        with redirect_stdout(sys.stderr):
            definition = entries[0].load()
    except Exception as error:  # a stranger's code may raise anything
        raise InputError(
            f"{what} {name!r} of {where} cannot be imported: {type(error).__name__}: {error}."
        ) from error
    return Found(definition=definition, module=sys.modules[entries[0].module], origin=where)


def content_of(module: ModuleType) -> bytes | None:
    """The bytes of the file that a module was made from; None where there is no Python file."""
    read = file_of(module.__name__)
    if read is not None:
        return read.content
    path = inspect.getsourcefile(module)
    return None if path is None else Path(path).read_bytes()


def _distribution(entry: EntryPoint) -> str:
    return "an unknown package" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"


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
        if not name.startswith("_")
        and not inspect.ismodule(value)
        and (
            not (inspect.isroutine(value) or inspect.isclass(value))
            or value.__module__ == module.__name__
        )
    ]
    return ", ".join(names) or "nothing of its own"
