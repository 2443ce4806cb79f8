"""What becomes of one benchmark, for `run_all`: a process that is watched."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from figures import Figure, read_figures

ROOT = Path(__file__).resolve().parents[1]
LAST_LINES = 15
DONE, MISSED, FAILED, LEFT_OUT = "done", "bound missed", "failed", "left out"


@dataclass(kw_only=True, slots=True, frozen=True)
class Benchmark:
    """A file of this folder that measures.

    Attributes:
        name: the file's, without its ending.
        needs: packages beyond noisyseg's base, as they are imported.
        gpu: whether it says nothing without one.
        left_out: why it has no place in the table, if it has none.
    """

    name: str
    needs: tuple[str, ...] = ()
    gpu: bool = False
    left_out: str | None = None


@dataclass(kw_only=True, slots=True, frozen=True)
class Outcome:
    """What became of a benchmark.

    Attributes:
        status: DONE, MISSED, FAILED or LEFT_OUT.
        why: in words, unless it is done.
        seconds: that it took.
        output: its last lines, if it failed.
    """

    benchmark: str
    status: str
    why: str | None = None
    seconds: float = 0.0
    figures: list[Figure] = field(default_factory=list)
    output: list[str] = field(default_factory=list)


def outcome(benchmark: Benchmark, folder: Path, *, short: bool, limit: float | None) -> Outcome:
    """Run a benchmark.

    Args:
        benchmark: which one.
        folder: that its file lies in.
        short: whether in its quick form.
        limit: seconds after which it has failed; None: it may take its time.
    """
    why = _hindrance(benchmark)
    if why is not None:
        return Outcome(benchmark=benchmark.name, status=LEFT_OUT, why=why)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as room:
        written, log = Path(room) / "figures.json", Path(room) / "log.txt"
        command = [sys.executable, str(folder / f"{benchmark.name}.py"), "--figures", str(written)]
        exit_status = _exit_status(command + ["--short"] * short, log, limit)
        lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        try:
            figures = read_figures(written) if written.is_file() else []
        except ValueError as error:
            figures, why = [], f"figures that cannot be read: {error}"
    if exit_status is None:
        why = f"stopped after {limit:g} s"
    elif not figures:
        why = why or f"no figures, exit status {exit_status}"
    failed = why is not None
    if not failed:
        why = _missed(figures, exit_status, lines)
    return Outcome(
        benchmark=benchmark.name,
        status=FAILED if failed else MISSED if why else DONE,
        why=why,
        seconds=time.perf_counter() - began,
        figures=figures,
        output=lines if failed else [],
    )


def _missed(figures: list[Figure], exit_status: int | None, lines: list[str]) -> str | None:
    """Which bounds are missed, in words; None if none is."""
    missed = [figure.what for figure in figures if figure.kept is False]
    if not missed and exit_status:
        missed = [f"exit status {exit_status}: {lines[-1] if lines else ''}"]
    return "; ".join(missed) or None


def _hindrance(benchmark: Benchmark) -> str | None:
    """Why a benchmark can't run here, in words."""
    if benchmark.gpu and not _has_gpu():
        return "needs a GPU"
    if benchmark.left_out is not None:
        return benchmark.left_out
    missing = [name for name in benchmark.needs if find_spec(name) is None]
    return f"needs {', '.join(missing)}, not installed here" if missing else None


def _has_gpu() -> bool:
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def _exit_status(command: list[str], log: Path, limit: float | None) -> int | None:
    """Of a command that writes its output to the log; None if it was stopped at the limit."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": paths}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, env=environment, start_new_session=True
        )
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            return None
        finally:  # what it started ends with it, also when a user interrupts this
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
