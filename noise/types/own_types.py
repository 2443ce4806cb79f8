"""Types of noise of anyone's own: from a file, or from an installed package's entry points.

The file that defines a type is hashed, and the hash stands in every spec: in run keys, and in
manifests, so that no other file's noise is taken for it. What that file imports is not hashed.
"""

import sys
from dataclasses import replace
from functools import cache
from types import ModuleType

from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes
from noisyseg.noise.types.noise_type import NoiseType, Origin
from noisyseg.own_code import Found, content_of, in_file, in_package, installed, read_code

GROUP = "noisyseg.noise"
"""The entry points' group; an entry point's name is its type's."""

WHAT = "noise type"


def installed_names() -> list[str]:
    """Names of the types that installed packages offer; none of them is imported."""
    return sorted(installed(GROUP))


@cache
def installed_type(name: str, *, taken: bool = False) -> NoiseType:
    """The type of an installed package, imported now.

    Args:
        name: of `installed_names`.
        taken: whether a built-in type has the name.

    Raises:
        InputError: it cannot be imported, is no type of noise, or shares its name.
    """
    kind = _type_of(in_package(GROUP, name, WHAT, taken=taken))
    if kind.name != name:
        raise InputError(
            f"{kind.told}: its entry point is called {name!r} and the type {kind.name!r}: give "
            "both one name."
        )
    return kind


def type_in_file(text: str) -> NoiseType:
    """The type that `path.py:name` says; the file is run.

    Raises:
        InputError: no such form, a file that cannot be read or run, or no type of noise in it.
    """
    return _type_of(in_file(*read_code(text, WHAT), WHAT))


def _type_of(found: Found) -> NoiseType:
    kind = found.definition
    if not isinstance(kind, NoiseType):
        raise InputError(
            f"{found.origin}: wanted a NoiseType (noisyseg.noise.types.noise_type), got "
            f"{repr(kind)[:80]}."
        )
    modules = _modules(kind, found.module)
    contents = [content_of(module) for module in modules]
    if not contents or None in contents:
        raise InputError(
            f"{kind.name} noise of {found.origin} has no Python file to hash for the run key."
        )
    digest = sha256_bytes(b"".join(content for content in contents if content is not None))
    return replace(kind, origin=Origin(where=found.origin, file_sha256=digest))


def _modules(kind: NoiseType, module: ModuleType) -> list[ModuleType]:
    """The module that a type stands in, and those of what its family calls, if a user's own."""
    parts = kind.family.parts
    names = {module.__name__, *(str(getattr(part, "__module__", "")) for part in parts)}
    others = {"noisyseg", *sys.stdlib_module_names}
    return [
        sys.modules[name]
        for name in sorted(names & sys.modules.keys())
        if name.partition(".")[0] not in others
    ]
