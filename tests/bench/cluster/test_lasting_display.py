"""Displays whose reader has gone."""

import os
import pty
from contextlib import suppress

import pytest

from noisyseg.bench.cluster.lasting_display import LastingDisplay
from noisyseg.bench.cluster.progress import display_for
from noisyseg.bench.cluster.ray_noise import NAME, display_apart


def gone_pipe():
    """A pipe that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    return write


def gone_terminal():
    """A terminal that was closed."""
    master, terminal = pty.openpty()
    os.close(master)
    return terminal


@pytest.mark.parametrize("gone", [gone_pipe, gone_terminal])
def test_runs_go_on_when_nobody_reads_any_more(gone, runs, record_of, capfd):
    stream = os.fdopen(gone(), "w", buffering=1)
    display = LastingDisplay(display_for(stream))
    display.start(runs, parallel=1)
    display.refresh(runs)
    display.note("node lost: second")
    display.ended(runs[0], record_of(runs[0]))
    display.close()
    with suppress(OSError):  # what it still had to say
        stream.close()
    os.write(1, b"a table")  # standard output is as it was
    assert capfd.readouterr().out == "a table"


@pytest.mark.parametrize("gone", [gone_pipe, gone_terminal])
def test_standard_error_is_what_it_was_when_its_reader_has_gone(gone, tmp_path, monkeypatch):
    kept = os.dup(2)
    nowhere = gone()
    os.dup2(nowhere, 2)
    own = os.fdopen(2, "w", buffering=1, closefd=False)
    monkeypatch.setattr("sys.stderr", own)
    try:
        with display_apart(tmp_path) as display:
            display.note("node lost: second")
            os.write(2, b"forty lines of Ray")
        assert os.fstat(2).st_rdev == os.fstat(nowhere).st_rdev
        assert os.fstat(2).st_ino == os.fstat(nowhere).st_ino
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
    assert (tmp_path / NAME).read_bytes() == b"forty lines of Ray"
