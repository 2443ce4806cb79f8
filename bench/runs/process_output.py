"""Everything a process prints, sent to a file for a while."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


@contextlib.contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Append standard output and error to path while the block runs.

    File descriptors are redirected: third-party loggers keep the stream that they found when they
    were made, and native code knows no Python streams. `sys.stdout` and `sys.stderr` meanwhile
    stand on the descriptors and are never closed: a logger that one run of a process made goes on
    to write, into the next run's file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    streams = [sys.stdout, sys.stderr]
    with path.open("ab") as file:
        for stream in streams:
            stream.flush()
        saved = os.dup(1), os.dup(2)
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        out, err = _on_descriptor(1), _on_descriptor(2)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                yield
        finally:
            try:
                # What a logger that kept the old stream left in its buffer, too.
                for stream in (*streams, out, err):
                    stream.flush()
            finally:  # a full disk is no reason to keep them
                for descriptor, original in zip((1, 2), saved, strict=True):
                    os.dup2(original, descriptor)
                    os.close(original)


def _on_descriptor(descriptor: int) -> TextIO:
    return open(descriptor, "w", encoding="utf-8", buffering=1, closefd=False)
