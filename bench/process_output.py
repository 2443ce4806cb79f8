"""Everything a process prints, sent to a file for a while."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Append standard output and error to path while the block runs.

    File descriptors are redirected, not `sys.stdout`: third-party loggers keep the stream that
    they found when they were made, and native code knows no Python streams.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    streams = sys.stdout, sys.stderr
    with path.open("a", encoding="utf-8", buffering=1) as file:
        for stream in streams:
            stream.flush()
        saved = os.dup(1), os.dup(2)
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        try:
            with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
                yield
        finally:
            for stream in streams:  # what a logger that kept the old stream left in its buffer
                stream.flush()
            for descriptor, original in zip((1, 2), saved, strict=True):
                os.dup2(original, descriptor)
                os.close(original)
