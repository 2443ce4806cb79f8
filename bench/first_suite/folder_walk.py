"""The folders below one, and their files."""

import os
from collections.abc import Iterator
from pathlib import Path

_DEEPEST = 5
_SKIPPED = {"runs", "node_modules", "site-packages", "__pycache__", "__MACOSX"}


def walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders, some levels deep, and the names of their files; by way of links, too, each once.

    What is hidden, and folders that programs keep for themselves, are left out.
    """
    seen: set[str] = set()
    for place, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(place)
        depth = len(Path(place).relative_to(root).parts)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        usual = [name for name in folders if not name.startswith(".") and name not in _SKIPPED]
        folders[:] = sorted(usual) if depth < _DEEPEST else []
        yield Path(place), sorted(name for name in files if not name.startswith("."))
