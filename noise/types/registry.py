"""Every type of noise by its name: built in, of a file of the user's, or installed."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from noisyseg.errors import InputError, unknown_name
from noisyseg.noise.types.box_noise import BOX_TYPES
from noisyseg.noise.types.class_noise import CLASS_TYPES
from noisyseg.noise.types.instance_noise import INSTANCE_TYPES
from noisyseg.noise.types.mask_noise import MASK_TYPES
from noisyseg.noise.types.matrix_noise import MATRIX_TYPES
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.own_types import (
    WHAT,
    installed_names,
    installed_type,
    type_in_file,
)
from noisyseg.noise.types.presence_noise import PRESENCE_TYPES
from noisyseg.noise.types.superclass_noise import SUPERCLASS_TYPES

NOISE_TYPES: dict[str, NoiseType] = {
    kind.name: kind
    for types in (
        CLASS_TYPES,
        SUPERCLASS_TYPES,
        MATRIX_TYPES,
        INSTANCE_TYPES,
        MASK_TYPES,
        BOX_TYPES,
        PRESENCE_TYPES,
    )
    for kind in types
}
"""The built-in types."""

_OF_FILES: dict[str, NoiseType] = {}


def add_type_file(text: str) -> NoiseType:
    """Make the type in `path.py:name` known to this process, by its own name.

    Raises:
        InputError: a file without the type, or a name that another type has.
    """
    kind = type_in_file(text)
    if kind.name in NOISE_TYPES or kind.name in installed_names():
        whose = "a built-in" if kind.name in NOISE_TYPES else "an installed"
        raise InputError(f"{text}: {whose} noise type is called {kind.name!r}; rename yours.")
    other = _OF_FILES.setdefault(kind.name, kind)
    if other.origin != kind.origin:
        raise InputError(
            f"{other.told} and {kind.told} both have a noise type {kind.name!r}; rename one of "
            "them."
        )
    return kind


def add_type_files(texts: Iterable[str]) -> None:
    """As `add_type_file`, of several."""
    for text in texts:
        add_type_file(text)


def known_names() -> list[str]:
    """Names of all types: the built-in, of files, installed; nothing is imported for it."""
    own = [*_OF_FILES, *installed_names()]
    return [*NOISE_TYPES, *(name for name in own if name not in NOISE_TYPES)]


def usable_types() -> dict[str, NoiseType]:
    """All types but those of packages that cannot be imported, by name."""
    found = {}
    for name in known_names():
        with suppress(InputError):
            found[name] = noise_type(name)
    return found


def noise_type(name: Any, where: str = "") -> NoiseType:
    """The type of a name.

    Args:
        name: of `known_names`.
        where: the place that it came from, put before messages.

    Raises:
        InputError: a name that is not known, or an installed type that cannot be used.
    """
    if isinstance(name, str):
        if name in NOISE_TYPES:
            return NOISE_TYPES[name]
        if name in _OF_FILES:
            return _OF_FILES[name]
        if name in installed_names():
            try:
                return installed_type(name)
            except InputError as error:
                raise InputError(f"{where}: {error}" if where else str(error)) from error
    raise unknown_name(WHAT, name, known_names(), where)


def made_by(name: Any, file_sha256: Any, where: str) -> NoiseType:
    """The type that a manifest says its noise was made by.

    Args:
        name: of the type.
        file_sha256: of anyone's own type: its file's, in hex; None for a built-in one.
        where: the manifest, for messages.

    Raises:
        InputError: the type is not here, or another one of its name is.
    """
    if file_sha256 is not None and name not in known_names():
        raise InputError(
            f"{where}: made by {name} noise, which is not built in and not installed here: install "
            f"the package that has it, or name its file by --noise-file PATH.py:NAME (its SHA-256 "
            f"is {file_sha256})."
        )
    kind = noise_type(name, where)
    found = None if kind.origin is None else kind.origin.file_sha256
    if found != file_sha256:
        raise InputError(
            f"{where}: made by another {name} noise, of a file with the SHA-256 {file_sha256}; "
            f"that of {kind.told} is {found}: take the one that made it."
        )
    return kind
