"""Ray's own messages, kept in a file of the store: of a node that dies it tells forty lines."""

import io
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TextIO

from noisyseg.bench.cluster.followed_display import followed
from noisyseg.bench.cluster.lasting_display import LastingDisplay
from noisyseg.bench.cluster.progress import Display, display_for
from noisyseg.bench.tracking.follower import Follower

NAME = "ray.log"  # in the store


@contextmanager
def display_apart(root: Path, followers: Sequence[Follower] = ()) -> Iterator[Display]:
    """A display of runs on the terminal, and what Ray says meanwhile in the store's `ray.log`.

    Args:
        root: of the store.
        followers: trackers that are told the same.
    """
    with (
        _noise_to(root / NAME) as terminal,
        closing(followed(LastingDisplay(display_for(terminal)), followers)) as display,
    ):
        yield display


@contextmanager
def _noise_to(path: Path) -> Iterator[TextIO]:
    """Standard error's descriptor goes to a file, and so does `sys.stdout`; `sys.stderr` stays.

    Ray's native code and its processes know descriptors alone; what they tell of other machines a
    thread of Ray's prints. Where `sys.stderr` is something else already (a test's, a notebook's),
    nothing is changed.
    """
    if not _is_own(sys.stderr):
        yield sys.stderr
        return
    sys.stderr.flush()
    before = sys.stderr
    with (
        path.open("ab") as file,
        redirect_stdout(_Noise()),
    ):
        began, kept = file.tell(), os.dup(2)
        terminal = open(  # noqa: SIM115 (closed below, where that may fail)
            kept, "w", encoding=before.encoding, errors=before.errors, buffering=1
        )
        os.dup2(file.fileno(), 2)
        sys.stderr = terminal
        try:
            yield terminal
        finally:
            os.dup2(kept, 2)
            sys.stderr = before
            with suppress(OSError):  # of a terminal that is gone
                terminal.close()
            if os.fstat(file.fileno()).st_size == 0 and not began:
                path.unlink(missing_ok=True)  # nothing was said


class _Noise(io.TextIOBase):
    """Writes to standard error's descriptor; what a full disk has no room for is lost."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            os.write(2, text.encode(errors="backslashreplace"))
        return len(text)


def quieten_ray() -> None:
    """Ray's loggers, which keep the stream that they found, write to the descriptor, too."""
    stream = _Noise()
    for handler in logging.getLogger("ray").handlers:
        own = type(handler) is logging.StreamHandler or type(handler).__module__.startswith("ray")
        if own and isinstance(handler, logging.StreamHandler):
            handler.setStream(stream)


def _is_own(stream: TextIO) -> bool:
    try:
        return stream.fileno() == 2
    except (OSError, ValueError, AttributeError):
        return False
