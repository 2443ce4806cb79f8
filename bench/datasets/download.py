"""A file over HTTP: resumed where it stopped, checked, and under its name only when it is whole.

Beside the file while it comes: `NAME.part`, its bytes so far, and `NAME.part.json`, which version
of the file they are of.
"""

import errno
import hashlib
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

from noisyseg.errors import InputError
from noisyseg.files import write_atomically

Progress = Callable[[int, int | None], None]

_BLOCK = 1 << 20
_TIMEOUT_S = 60.0
_ATTEMPTS = 5
_PAUSE_S = 1.0
_GONE = (404, 410)
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
_RANGE_NOT_SATISFIABLE = 416


@dataclass(kw_only=True, slots=True, frozen=True)
class Remote:
    """A file to fetch.

    Attributes:
        url: http or https.
        md5: 32 hex digits; None where no checksum is published.
    """

    url: str
    md5: str | None


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
        InputError: no such file, no connection, a wrong checksum (the bytes are then deleted), a
            disk that is full (the bytes are kept).
    """
    if urllib.parse.urlsplit(remote.url).scheme not in ("http", "https"):
        raise InputError(f"cannot download {remote.url}: wanted an http or https address.")
    part = path.with_name(f"{path.name}.part")
    failures = 0
    while True:
        before = _size(part)
        try:
            _connect(remote, part, progress)
            break
        except _ChangedError:
            _forget(part)
        except urllib.error.HTTPError as error:
            if error.code in _GONE or failures + 1 >= attempts:
                raise InputError(
                    f"cannot download {remote.url}: the server says {error.code} {error.reason}. "
                    "Another address of the same files can be given with --mirror."
                ) from error
            failures += 1
        except (http.client.HTTPException, OSError) as error:
            if _is_local(error):
                raise InputError(
                    f"cannot write {part}: {error.strerror}. What has come is kept; the "  # type: ignore[union-attr]
                    "same command goes on."
                ) from error
            failures = 0 if _size(part) > before else failures + 1
            if failures >= attempts:
                raise InputError(
                    f"cannot download {remote.url}: {error or type(error).__name__}. "
                    f"{_size(part)} bytes are kept in {part}; the same command goes on."
                ) from error
        time.sleep(pause * 2**failures if failures else 0)
    _finish(remote, part, path)


def _connect(remote: Remote, part: Path, progress: Progress | None) -> None:
    """One connection: append to part what it lacks."""
    part.parent.mkdir(parents=True, exist_ok=True)
    here, state = _size(part), _state(part)
    request = urllib.request.Request(remote.url, headers={"User-Agent": "noisyseg"})
    if here:
        if state.get("url") != remote.url or not state.get("version"):
            raise _ChangedError
        request.add_header("Range", f"bytes={here}-")
        request.add_header("If-Range", state["version"])
    try:
        answer = _OPENER.open(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_NOT_SATISFIABLE and here:
            if state.get("total") == here:
                return  # all of it had come
            raise _ChangedError from error
        raise
    with answer:
        resumed = answer.status == 206
        if here and not resumed:
            _forget(part)  # the server ignores ranges, or has another file now: from the start
            here = 0
        total = _total(answer, here)
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        write_atomically(_note(part), json.dumps(_described(remote, version, total)).encode())
        _append(answer, part, here, total, progress)


def _described(remote: Remote, version: str | None, total: int | None) -> dict[str, Any]:
    weak = version is not None and version.startswith("W/")  # no promise of equal bytes
    return {"url": remote.url, "version": None if weak else version, "total": total}


def _append(
    answer: Any, part: Path, here: int, total: int | None, progress: Progress | None
) -> None:
    with part.open("ab") as file:
        while block := answer.read(_BLOCK):
            file.write(block)
            file.flush()
            here += len(block)
            if progress is not None:
                progress(here, total)
        os.fsync(file.fileno())
    if total is not None and here < total:
        raise http.client.IncompleteRead(b"", total - here)
    if total is not None and here > total:
        raise _ChangedError


def _total(answer: Any, here: int) -> int | None:
    """The whole file's size, from Content-Range or Content-Length."""
    given = answer.headers.get("Content-Range", "").rpartition("/")[2]
    if given.isdecimal():
        return int(given)
    length = answer.headers.get("Content-Length", "")
    return here + int(length) if length.isdecimal() else None


def _finish(remote: Remote, part: Path, path: Path) -> None:
    if remote.md5 is not None:
        digest = hashlib.md5(usedforsecurity=False)
        with part.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        if digest.hexdigest() != remote.md5:
            size = _size(part)
            _forget(part)
            raise InputError(
                f"{remote.url} came with MD5 {digest.hexdigest()}, wanted {remote.md5} ({size} "
                "bytes): damaged on the way, or another file. It is deleted; try again."
            )
    os.replace(part, path)
    _note(part).unlink(missing_ok=True)


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _state(part: Path) -> dict[str, Any]:
    try:
        state = json.loads(_note(part).read_bytes())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _is_local(error: BaseException) -> bool:
    """Whether it is the disk here that failed, not the network."""
    return isinstance(error, OSError) and error.errno in _DISK


class _HttpOnly(urllib.request.HTTPRedirectHandler):
    """Redirects lead to http and https addresses alone."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        if urllib.parse.urlsplit(newurl).scheme not in ("http", "https"):
            raise urllib.error.HTTPError(newurl, code, "redirected to no web address", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_HttpOnly)
