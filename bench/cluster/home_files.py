"""The files below a store's root, read and written for workers that do not see them.

What comes in pieces is laid beside its place and moved into it whole, its SHA-256 right: a worker
that dies in the middle leaves what was there before. Every call may be made twice.
"""

import fcntl
import os
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, TextIO

import zstandard

from noisyseg.bench.cluster.node_files import Token, lay_token, sees
from noisyseg.bench.runs.run_copy import files_of
from noisyseg.bench.runs.state import LOCK
from noisyseg.errors import InputError
from noisyseg.files import sha256_file

PIECE = 8 << 20  # bytes of a file that travel at a time

Owner = str | None
"""Who has a run; None: whoever writes what no other worker of the run does."""


class FileFacts(NamedTuple):
    """A file's size in bytes and its SHA-256."""

    size: int
    sha256: str


class SupersededError(RuntimeError):
    """A worker whose run another one does by now: what it still says is not heard."""


class HomeFiles:
    """A store's files, for several threads at a time.

    Args:
        root: of the store.
        others: files elsewhere that may be read: annotation files of the runs.
    """

    def __init__(self, root: str, others: Sequence[str] = ()) -> None:
        self._root = Path(os.path.abspath(root))
        self._others = frozenset(map(os.path.abspath, others))
        self._facts: dict[tuple[str, int, int], FileFacts] = {}
        self._packed: dict[str, int] = {}
        self._owners: dict[Path, tuple[str, TextIO]] = {}
        self._gone: set[str] = set()
        self._turn, self._summing = threading.Lock(), threading.Lock()

    def token(self) -> Token:
        """Put a token into the root; it is removed as any file."""
        return lay_token(self._root)

    def sees(self, token: Token) -> bool:
        """Whether this process sees a token of the store's."""
        return sees(token)

    def names(self, folder: str) -> list[str]:
        """The files of a folder, relative to it, in the order in which they are to be copied."""
        path = self._below(folder)
        return [file.relative_to(path).as_posix() for file in files_of(path)]

    def facts(self, path: str) -> FileFacts | None:
        """Size and SHA-256; None for what is not there."""
        file = self._readable(path)
        try:
            status = file.stat()
        except OSError:
            return None
        key = str(file), status.st_mtime_ns, status.st_size
        with self._summing:  # once, of a file that many nodes ask for at the same time
            if key not in self._facts:
                self._facts[key] = FileFacts(status.st_size, sha256_file(file))
            return self._facts[key]

    def fits(self, path: str, limit: int) -> bool:
        """Whether a file is of so many bytes at most once it is compressed."""
        facts = self.facts(path)
        if facts is None or facts.size <= limit:
            return facts is not None
        with self._summing:
            if facts.sha256 not in self._packed:
                self._packed[facts.sha256] = _packed_size(self._readable(path), limit)
            return self._packed[facts.sha256] <= limit

    def read(self, path: str, offset: int, size: int) -> bytes:
        """A piece of a file, compressed; of nothing beyond its end."""
        with self._readable(path).open("rb") as file:
            file.seek(offset)
            return zstandard.compress(file.read(size), 1)

    def hold(self, folder: str, owner: str) -> bool:
        """Take a run's lock for a worker; whether that worked: not while another process has it.

        A worker that has a run from the same driver takes the place of the one before, which died.
        """
        path = self._below(folder)
        with self._turn:
            if path in self._owners:
                before, lock = self._owners[path]
                self._gone |= {before} - {owner}
                self._owners[path] = owner, lock
                return True
            path.mkdir(parents=True, exist_ok=True)
            with ExitStack() as stack:
                lock = stack.enter_context((path / LOCK).open("w"))
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
                self._owners[path] = owner, lock
                stack.pop_all()
            return True

    def let_go(self, folder: str, owner: str | None = None) -> None:
        """Give a run's lock back; whoever had it, where no owner is named."""
        path = self._below(folder)
        with self._turn:
            if path in self._owners and owner in (None, self._owners[path][0]):
                before, lock = self._owners.pop(path)
                self._gone.add(before)
                lock.close()

    def write(self, path: str, offset: int, data: bytes, owner: Owner) -> None:
        """Lay a piece of a file beside its place.

        Raises:
            OSError: no space left, say.
            SupersededError: the owner has the run no more.
        """
        file = self._written_by(path, owner)
        beside = _beside(file, owner)
        beside.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("r+b" if offset else "wb") as part:
            part.seek(offset)
            part.write(data)

    def put(self, path: str, sha256: str, owner: Owner) -> bool:
        """Move a file that was laid beside its place into it; whether it was whole.

        Raises:
            SupersededError: the owner has the run no more.
        """
        file = self._written_by(path, owner)
        beside = _beside(file, owner)
        if not beside.exists():  # asked twice
            return file.is_file() and sha256_file(file) == sha256
        if sha256_file(beside) != sha256:
            beside.unlink()
            return False
        with beside.open("rb") as part:
            os.fsync(part.fileno())
        os.replace(beside, file)
        return True

    def put_again(self, source: str, path: str, sha256: str, owner: Owner) -> bool:
        """Let a file be at another place, too; whether it was there with that SHA-256."""
        file, known = self._written_by(path, owner), self._below(source)
        if not known.is_file() or sha256_file(known) != sha256:
            return False
        beside = _beside(file, owner)
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        os.link(known, beside)
        os.replace(beside, file)
        beside.unlink(missing_ok=True)  # left there where both were one file before
        return True

    def append(self, path: str, offset: int, data: bytes, owner: Owner) -> bool:
        """Add to the end of a file, if it ends at the offset; or has been added already."""
        file = self._written_by(path, owner)
        try:
            size = file.stat().st_size
        except FileNotFoundError:
            return False
        if size == offset:
            with file.open("ab") as end:
                end.write(data)
        return size in (offset, offset + len(data))

    def remove(self, path: str, owner: Owner) -> None:
        """Remove a file, if it is there."""
        self._written_by(path, owner).unlink(missing_ok=True)

    def _below(self, path: str) -> Path:
        """The path, which must lie below the root.

        Raises:
            InputError: it does not.
        """
        found = os.path.abspath(path)
        if not found.startswith(f"{self._root}{os.sep}"):
            raise InputError(f"{path} does not lie in the store {self._root}.")
        return Path(found)

    def _readable(self, path: str) -> Path:
        found = os.path.abspath(path)
        return Path(found) if found in self._others else self._below(path)

    def _written_by(self, path: str, owner: Owner) -> Path:
        """The path, if the owner has not lost its run.

        Raises:
            SupersededError: it has.
        """
        file = self._below(path)
        if owner in self._gone:
            raise SupersededError(f"another worker does the run of {file.parent} by now")
        return file


def _beside(file: Path, owner: Owner) -> Path:
    return file.with_name(f".{file.name}.{owner or 'part'}")


def _packed_size(file: Path, limit: int) -> int:
    """Bytes of a file once it is compressed, counted until they are more than the limit."""
    packed = 0
    compress = zstandard.ZstdCompressor(level=1).compressobj()
    with file.open("rb") as blocks:
        while packed <= limit and (block := blocks.read(PIECE)):
            packed += len(compress.compress(block))
    return packed + len(compress.flush())
