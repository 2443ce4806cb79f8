"""What is shown of a run under way: the same on the terminal of its driver and by `status`."""

from collections.abc import Mapping
from typing import Any

from noisyseg.bench.runs.estimate import readable_bytes
from noisyseg.bench.runs.heartbeat import PREPARATION, TRAINING, silent_seconds
from noisyseg.text_lines import printable

SILENT = "silent"
Row = Mapping[str, str]
"""Column → text; a column of which nothing is known is absent."""


def run_row(label: str, state: Mapping[str, Any], now: float) -> Row:
    """The cells of a run.

    Args:
        label: of the run.
        state: of its heartbeat; what an earlier noisyseg did not write is left out.
        now: Unix time.
    """
    known = {
        "loss": _number(state.get("loss"), 3),
        "images/s": _number(state.get("images_per_second"), 1),
        "node": state.get("node"),
        "device": str(state.get("device", "")).replace("NVIDIA ", ""),
        "memory": readable_bytes(state["memory_bytes"]) if "memory_bytes" in state else None,
        "left": _left(state, now),
    }
    cells = {"run": label, "epoch": _stage(state)} | known
    return {column: printable(str(text)) for column, text in cells.items() if text}


def progress_words(state: Mapping[str, Any], now: float) -> str:
    """The same in a line, without the run's name."""
    row = run_row("", state, now)
    if state.get("stage") == TRAINING:
        words = [f"epoch {row['epoch']}"]
        words += [f"loss {row['loss']}"] if "loss" in row else []
        words += [f"{row['images/s']} images/s"] if "images/s" in row else []
        words += [_left_in_words(row["left"])] if "left" in row else []
    else:
        words = [row["epoch"]]
    where = " ".join(row[name] for name in ("node", "device") if name in row)
    words += [f"on {where}"] if where else []
    words += [row["memory"]] if "memory" in row else []
    return ", ".join(words)


def duration(seconds: float) -> str:
    """Seconds as h, min or s."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _stage(state: Mapping[str, Any]) -> str:
    if state.get("stage") == TRAINING:
        return f"{state['epoch']:.1f}/{state['epochs']}"
    return "preparing" if state.get("stage") == PREPARATION else "evaluating"


def _number(value: float | None, digits: int) -> str | None:
    return None if value is None else f"{value:.{digits}f}"


def _left(state: Mapping[str, Any], now: float) -> str | None:
    silent = silent_seconds(state, now)
    if silent is not None:
        return f"{SILENT} for {_rough(silent, exact=0)}"
    seconds = state.get("seconds_left")
    return None if seconds is None else _rough(seconds, exact=10)


def _rough(seconds: float, *, exact: int) -> str:
    """A duration, without its seconds from so many minutes on."""
    minutes = int(seconds // 60)
    return f"{minutes} min" if exact <= minutes < 60 else duration(seconds)


def _left_in_words(left: str) -> str:
    return left if left.startswith(SILENT) else f"{left} of training left"
