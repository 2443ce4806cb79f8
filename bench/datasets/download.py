"""A file over HTTP: resumed where it stopped, checked, and under its name only when it is whole."""

import errno
import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.datasets.archives import md5_file
from noisyseg.bench.datasets.partial_file import alone, forget, note_of, size_of, state_of
from noisyseg.errors import InputError
from noisyseg.files import refuse_special_files, sha256_file, write_atomically

Progress = Callable[[int, int | None], None]

_BLOCK = 1 << 20
_TIMEOUT_S = 60.0
_ATTEMPTS = 5
_PAUSE_S = 1.0
# The server may answer differently later.
_PASSING = (408, 425, 429, 500, 502, 503, 504)
# What the disk here says, and no network.
_DISK = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.EISDIR, errno.ENOTDIR, errno.ENOENT, errno.EEXIST, errno.ENAMETOOLONG),
)
_RANGE_NOT_SATISFIABLE = 416


@dataclass(kw_only=True, slots=True, frozen=True)
class Remote:
    """A file to fetch.

    Attributes:
        url: http or https.
        md5: 32 hex digits; None where no such checksum is published.
        sha256: hex digits that it begins with; None where it is not published.
    """

    url: str
    md5: str | None = None
    sha256: str | None = None


class DownloadError(InputError):
    """A file that cannot be had from its address.

    Attributes:
        reason: without the address.
    """

    def __init__(self, url: str, reason: str, advice: str) -> None:
        super().__init__(f"cannot download {url}: {reason}. {advice}")
        self.reason = reason


class _ChangedError(Exception):
    """What lies here is not the beginning of what the server has now."""


def fetch(
    remote: Remote,
    path: Path,
    *,
    progress: Progress | None = None,
    attempts: int = _ATTEMPTS,
    pause: float = _PAUSE_S,
) -> None:
    """Download to path, going on where an earlier call stopped.

    Args:
        remote: what to fetch.
        path: where the whole file is to lie.
        progress: told bytes here and bytes in all, None where the server does not say.
        attempts: connections that may break before it is given up; one that brought bytes does
            not count.
        pause: seconds before the second attempt; twice as long before each further one.
    Raises:
        DownloadError: no such file, no connection, a wrong checksum (the bytes are then deleted).
        InputError: no web address, a disk that is full or cannot be read (the bytes are kept).
    """
    if urllib.parse.urlsplit(remote.url).scheme not in ("http", "https"):
        raise InputError(f"cannot download {remote.url}: wanted an http or https address.")
    refuse_special_files([path])
    part, was_there = path.with_name(f"{path.name}.part"), path.is_file()
    with alone(part):
        if was_there or not path.is_file():  # else it has come while this process waited
            _get(remote, part, progress, attempts, pause)
            _finish(remote, part, path)


def _get(
    remote: Remote, part: Path, progress: Progress | None, attempts: int, pause: float
) -> None:
    """Connect until all of it is in part."""
    failures, most = 0, size_of(part)
    while True:
        try:
            _connect(remote, part, progress)
            break
        except (_ChangedError, http.client.HTTPException, OSError) as error:
            if isinstance(error, _ChangedError):
                forget(part)
            reason = _passing_reason(error, remote, part)
            grown = size_of(part) > most
            failures = 0 if grown else failures + 1
            most = max(most, size_of(part))
            if failures >= attempts:
                raise DownloadError(remote.url, reason, _outlook(part)) from error
        time.sleep(pause * 2 ** max(failures - 1, 0))


def _outlook(part: Path) -> str:
    """What the same command would do, if it were given again; nothing stays that it cannot use."""
    if size_of(part) and state_of(part).get("version"):
        return f"{size_of(part)} bytes are kept in {part}; the same command goes on."
    forget(part)
    return "The same command starts from the beginning: nothing is kept that could be continued."


def _passing_reason(error: Exception, remote: Remote, part: Path) -> str:
    """What went wrong, if another attempt may do better.

    Raises:
        InputError: it would not: the disk here, or a file that the server does not give.
    """
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        if error.code not in _PASSING:
            raise DownloadError(
                remote.url,
                f"the server says {error.code} {error.reason}",
                "Another address of the same files can be given with --mirror.",
            ) from error
        return f"the server says {error.code} {error.reason}"
    if isinstance(error, OSError) and error.errno in _DISK:
        raise InputError(
            f"cannot write {part}: {error.strerror}. What has come is kept; the same command "
            "goes on."
        ) from error
    return str(error) or type(error).__name__


def _connect(remote: Remote, part: Path, progress: Progress | None) -> None:
    """One connection: append to part what it lacks."""
    part.parent.mkdir(parents=True, exist_ok=True)
    state = state_of(part)
    if not state.get("version") or state.get("url") != remote.url:
        forget(part)  # nothing tells whether the server would go on with the same file
    here = size_of(part)
    request = urllib.request.Request(remote.url, headers={"User-Agent": "noisyseg"})
    if here:
        request.add_header("Range", f"bytes={here}-")
        request.add_header("If-Range", state["version"])
    try:
        answer = _OPENER.open(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_NOT_SATISFIABLE and here:
            error.close()
            if state.get("total") == here:
                return  # all of it had come
            raise _ChangedError("the file has changed") from error
        raise
    with answer:
        if here and answer.status != http.client.PARTIAL_CONTENT:
            forget(part)  # the server ignores ranges, or has another file now: from the start
            here = 0
        if here and not answer.headers.get("Content-Range", "").startswith(f"bytes {here}-"):
            raise _ChangedError("the server sends another range than it was asked for")
        total = _total(answer, here)
        write_atomically(note_of(part), json.dumps(_described(remote, answer, total)).encode())
        _append(answer, part, here, total, progress)


def _described(remote: Remote, answer: Any, total: int | None) -> dict[str, Any]:
    tag = answer.headers.get("ETag")
    if tag is None or tag.startswith("W/"):  # a weak one promises no equal bytes
        tag = answer.headers.get("Last-Modified")
    return {"url": remote.url, "version": tag, "total": total}


def _append(
    answer: Any, part: Path, here: int, total: int | None, progress: Progress | None
) -> None:
    with part.open("ab") as file:
        while block := answer.read1(_BLOCK):  # what has arrived, so that little is lost
            file.write(block)
            file.flush()
            here += len(block)
            if progress is not None:
                progress(here, total)
        os.fsync(file.fileno())
    if total is not None and here < total:
        raise http.client.IncompleteRead(b"", total - here)
    if total is not None and here > total:
        raise _ChangedError("more came than the server had announced")


def _total(answer: Any, here: int) -> int | None:
    """The whole file's size, from Content-Range or Content-Length."""
    given = answer.headers.get("Content-Range", "").rpartition("/")[2]
    if given.isdecimal():
        return int(given)
    length = answer.headers.get("Content-Length", "")
    return here + int(length) if length.isdecimal() else None


def _finish(remote: Remote, part: Path, path: Path) -> None:
    try:
        _check(remote, part)
        os.replace(part, path)
    except OSError as error:
        raise InputError(f"cannot read {part}, or rename it: {error.strerror}.") from error
    note_of(part).unlink(missing_ok=True)


def _check(remote: Remote, part: Path) -> None:
    """Delete what came, if it has another checksum than the published one.

    Raises:
        DownloadError: it had.
    """
    sums = (("MD5", remote.md5, md5_file), ("SHA-256", remote.sha256, sha256_file))
    for kind, wanted, sum_of in sums:
        if wanted is not None and not (found := sum_of(part)).startswith(wanted):
            size = size_of(part)
            forget(part)
            reason = (
                f"it came with {kind} {found}, wanted {wanted} ({size} bytes): damaged on the way, "
                "cut short or another file"
            )
            raise DownloadError(remote.url, reason, "It is deleted; try again.")


class _HttpOnly(urllib.request.HTTPRedirectHandler):
    """Redirects lead to http and https addresses alone."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        if urllib.parse.urlsplit(newurl).scheme not in ("http", "https"):
            raise urllib.error.HTTPError(newurl, code, "redirected to no web address", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_HttpOnly)
