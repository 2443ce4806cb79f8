"""What a run's folders below a store's root are called: <data set>/<method>/<key>."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from noisyseg.errors import InputError


def place_below(root: Path, spec: Mapping[str, Any], key: str) -> Path:
    """The folder of a run whose key is known.

    Raises:
        InputError: as `folder_name`.
    """
    return _joined(root, folder_name(spec, "data"), folder_name(spec, "method")) / key


def folder_name(spec: Mapping[str, Any], part: str) -> str:
    """The folder of a spec's data set or method, by its name.

    Raises:
        InputError: the name cannot be a folder's.
    """
    return _checked_name(spec[part]["name"], part)


@lru_cache(maxsize=4096)  # a store's records have few
def _checked_name(name: Any, part: str) -> str:
    # A leading point would hide the folder, or leave it (`..`).
    usable = isinstance(name, str) and name.strip() and not name.startswith(".")
    if not usable or any(c in "/\\" or not c.isprintable() for c in name):
        raise InputError(
            f"the {part} name {name!r} cannot name a folder: wanted visible characters without "
            "/ and \\, not starting with a point"
        )
    return str(name)


@lru_cache(maxsize=4096)  # thousands of runs lie in a few folders
def _joined(root: Path, data: str, method: str) -> Path:
    return root / data / method
