"""The official archives, each fetched and unpacked once.

What became of an archive stands in `noisyseg/downloads/` of the root, so that neither a killed call
nor a deleted file passes for done.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.datasets.archives import md5_file, unpack
from noisyseg.bench.datasets.download import Progress, Remote, fetch
from noisyseg.errors import InputError
from noisyseg.files import write_atomically

_FETCHED, _UNPACKING, _DONE = "fetched", "unpacking", "done"


@dataclass(kw_only=True, slots=True, frozen=True)
class Source:
    """An official archive.

    Attributes:
        name: of its file.
        part: what the command line calls it.
        url: http or https.
        md5: 32 hex digits; None where no checksum is published.
        folder: below the root, where it is unpacked.
        gives: files or folders in that folder that are there once it is.
        optional: fetched only if its part is named.
    """

    name: str
    part: str
    url: str
    md5: str | None
    folder: str
    gives: tuple[str, ...]
    optional: bool = False

    def folder_in(self, root: Path) -> Path:
        """Where it is unpacked."""
        return root / self.folder


def acquire(
    source: Source,
    root: Path,
    *,
    mirror: str | None = None,
    keep: bool = False,
    progress: Progress | None = None,
    say: Callable[[str], None],
) -> None:
    """Fetch an archive and unpack it, unless that is done; goes on where an earlier call stopped.

    Args:
        source: the archive.
        root: where folders of data sets lie.
        mirror: web folder that holds it, in place of the official one.
        keep: whether the archive stays once it is unpacked. One that a user had put there does.
        progress: told bytes here and bytes in all.
        say: told what happens.
    Raises:
        InputError: it cannot be fetched or unpacked, or holds something else.
    """
    state = _read_state(root, source)
    if _is_whole(root, source, state):
        say(f"{source.name}: unpacked already")
        return
    if not state and all((source.folder_in(root) / name).exists() for name in source.gives):
        say(
            f"{source.name}: {', '.join(source.gives)} is in {source.folder_in(root)} already; "
            "`noisyseg data check` says whether it is whole. Move it away to download it again."
        )
        return
    archive = root / source.name
    is_own = state.get("stage") == _FETCHED or not archive.is_file()
    if archive.is_file():
        _check_present(source, archive, say)
    else:
        url = source.url if mirror is None else f"{mirror.rstrip('/')}/{source.name}"
        fetch(Remote(url=url, md5=source.md5), archive, progress=progress)
        checked = "MD5 right" if source.md5 else "not checked: no checksum is published"
        say(f"{source.name}: downloaded, {checked}")
    # From here on the folder may hold a part of it.
    _write_state(root, source, {"stage": _FETCHED if is_own else _UNPACKING})
    say(f"{source.name}: unpacking")
    unpack(archive, source.folder_in(root))
    _write_state(root, source, {"stage": _DONE, "files": _counts(root, source, archive)})
    if is_own and not keep:
        archive.unlink()
    say(f"{source.name}: unpacked in {source.folder_in(root)}")


def _check_present(source: Source, archive: Path, say: Callable[[str], None]) -> None:
    """Refuse an archive with the right name that is another one, or half of it."""
    if source.md5 is None:
        say(f"{source.name}: is there already, not checked: no checksum is published")
        return
    say(f"{source.name}: is there already; checking it")
    try:
        found = md5_file(archive)
    except OSError as error:
        raise InputError(f"cannot read {archive}: {error.strerror}.") from error
    if found != source.md5:
        raise InputError(
            f"{archive} has MD5 {found}, wanted {source.md5} ({archive.stat().st_size} bytes): "
            "damaged, or not all of it. Delete it; then it is downloaded."
        )


def _counts(root: Path, source: Source, archive: Path) -> dict[str, int]:
    """The number of files in each place that the archive was to fill."""
    counts = {name: _count(source.folder_in(root) / name) for name in source.gives}
    absent = [name for name, count in counts.items() if not count]
    if absent:
        raise InputError(
            f"{archive} does not hold {', '.join(absent)}: it is another archive. Delete it and "
            "download it again."
        )
    return counts


def _count(path: Path) -> int:
    if path.is_dir():
        return sum(entry.is_file() for entry in path.rglob("*"))
    return int(path.is_file())


def _is_whole(root: Path, source: Source, state: dict[str, Any]) -> bool:
    """Whether no file has gone since it was unpacked."""
    counts = state.get("files")
    return (
        state.get("stage") == _DONE
        and isinstance(counts, dict)
        and all(
            _count(source.folder_in(root) / name) >= counts.get(name, 1) for name in source.gives
        )
    )


def _state_file(root: Path, source: Source) -> Path:
    return root / "noisyseg" / "downloads" / f"{source.name}.json"


def _read_state(root: Path, source: Source) -> dict[str, Any]:
    try:
        state = json.loads(_state_file(root, source).read_bytes())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _write_state(root: Path, source: Source, state: dict[str, Any]) -> None:
    write_atomically(_state_file(root, source), json.dumps(state).encode() + b"\n")
