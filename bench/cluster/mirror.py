"""A run's folders on a node that does not see the store, and the same ones at home.

What changes here is sent there every two seconds, so that a node that dies loses no more than that.
"""

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import zstandard

from noisyseg.bench.cluster.home_files import PIECE, FileFacts, HomeFiles, Owner
from noisyseg.bench.runs.training_note import NAME as TRAINED
from noisyseg.errors import InputError
from noisyseg.files import write_blocks_atomically
from noisyseg.results.records.store import RECORD_NAME

_EVERY_S = 2.0
_LAST = (TRAINED, RECORD_NAME)  # they vouch for the others
_LARGE = 1 << 20  # worth asking whether the home has it already
_HALF = ".part"  # a file being written
_ADDED_TO = ".log"


class _Sent(NamedTuple):
    """A file as it was when it was sent: equal ones of this machine hold the same bytes."""

    device: int
    inode: int
    changed: int
    size: int
    sha256: str | None  # None after something was added


def fetch(files: HomeFiles, source: str, target: Path) -> FileFacts | None:
    """Copy a file of the home to this machine, whole or not at all; None if there is none.

    Raises:
        InputError: no room for it here, or it has not arrived as it is there.
    """
    facts = files.facts(source)
    if facts is None:
        return None
    digest = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for offset in range(0, facts.size, PIECE):
            piece = zstandard.decompress(files.read(source, offset, PIECE))
            digest.update(piece)
            yield piece
        if digest.hexdigest() != facts.sha256:
            raise InputError(f"{source} changed while it was sent, or was damaged: call again.")

    write_blocks_atomically(target, pieces())
    return facts


class Mirror:
    """Folders of this machine, each sent to one of the home's as its files change.

    Args:
        files: the home's.
        folders: here → there.
        owner: whose run it is.
    """

    def __init__(self, files: HomeFiles, folders: Mapping[Path, str], owner: Owner) -> None:
        self._files, self._folders, self._owner = files, folders, owner
        self._sent: dict[Path, _Sent] = {}

    def fetch(self, *, checkpoints: bool) -> None:
        """Copy the home's files to here: those of checkpoints alone, or all others.

        Raises:
            InputError: as the function of this name.
        """
        for here, there in self._folders.items():
            for name in self._files.names(there):
                is_checkpoint = name.endswith(".pth")
                if is_checkpoint != checkpoints or (here / name).exists():
                    continue
                facts = fetch(self._files, f"{there}/{name}", here / name)
                if facts is not None:
                    self._sent[here / name] = _as_sent((here / name).stat(), facts.sha256)

    def send(self) -> None:
        """Send what has changed here since the last call, and remove there what was removed.

        Raises:
            OSError: the home is full, say, or cannot be reached.
            SupersededError: another worker does the run by now.
        """
        found = dict(self._found())
        for path in sorted(found, key=_order):
            self._send(path, found[path])
        for path in self._sent.keys() - found.keys():
            if not path.exists():
                self._files.remove(self._there(path), self._owner)
                del self._sent[path]

    def _found(self) -> Iterator[tuple[Path, str]]:
        for here in self._folders:
            for path in here.rglob("*"):
                parts = path.relative_to(here).parts
                whole = path.suffix != _HALF and not any(part.startswith(".") for part in parts)
                if whole and path.is_file():
                    yield path, self._there(path)

    def _there(self, path: Path) -> str:
        here, there = next(pair for pair in self._folders.items() if path.is_relative_to(pair[0]))
        return f"{there}/{path.relative_to(here).as_posix()}"

    def _send(self, path: Path, there: str) -> None:
        try:
            file = path.open("rb")
        except FileNotFoundError:  # put elsewhere since it was found
            return
        with file:
            now, before = os.fstat(file.fileno()), self._sent.get(path)
            if before is not None and _as_sent(now, before.sha256) == before:
                return
            if before is not None and self._sent_tail(file, before, now, there):
                sha256 = None
            else:
                sha256 = self._known_elsewhere(now, there)
                sha256 = sha256 or self._sent_whole(file, now.st_size, there)
        self._sent[path] = _as_sent(now, sha256)

    def _sent_tail(self, file: BinaryIO, before: _Sent, now: os.stat_result, there: str) -> bool:
        """Whether a log is the one that was sent but for its end, and that was added at home."""
        # Of logs alone: a file that was written anew may have the number of the one before.
        same = before[:2] == _as_sent(now, None)[:2] and before.size < now.st_size
        if not same or not there.endswith(_ADDED_TO):
            return False
        file.seek(before.size)
        for offset in range(before.size, now.st_size, PIECE):
            data = file.read(min(PIECE, now.st_size - offset))
            if not self._files.append(there, offset, data, self._owner):
                return False
        return True

    def _known_elsewhere(self, now: os.stat_result, there: str) -> str | None:
        """The SHA-256 of a large file that was renamed or linked here, once it is there as well."""
        if now.st_size < _LARGE:
            return None
        for path, sent in self._sent.items():
            sha256 = sent.sha256
            if sha256 is not None and sent == _as_sent(now, sha256):
                source = self._there(path)
                if self._files.put_again(source, there, sha256, self._owner):
                    return sha256
        return None

    def _sent_whole(self, file: BinaryIO, size: int, there: str) -> str:
        """Send a file; gives its SHA-256.

        Raises:
            OSError: it did not arrive as it is here.
        """
        digest = hashlib.sha256()
        file.seek(0)
        for offset in range(0, max(size, 1), PIECE):
            data = file.read(min(PIECE, size - offset))
            digest.update(data)
            self._files.write(there, offset, data, self._owner)
        if not self._files.put(there, digest.hexdigest(), self._owner):
            raise OSError(f"{there} did not arrive as it was sent")
        return digest.hexdigest()


@contextmanager
def kept_in_step(mirror: Mirror, every: float = _EVERY_S) -> Iterator[None]:
    """Send what changes while the block runs, and all that is left at its end.

    Raises:
        OSError, SupersededError: as `Mirror.send` at the end; what it raises before is tried again.
    """
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(every):
            with suppress(OSError, RuntimeError):
                mirror.send()

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        mirror.send()


def _as_sent(status: os.stat_result, sha256: str | None) -> _Sent:
    return _Sent(status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, sha256)


def _order(path: Path) -> tuple[int, bool, bool, Path]:
    """A file comes after what it vouches for, and one checkpoint is whole at any moment."""
    last = _LAST.index(path.name) + 1 if path.name in _LAST else 0
    return last, path.stem != "previous", path.suffix == ".json", path
