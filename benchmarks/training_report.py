"""What `training` prints of its figures, and its verdict."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from figures import Figure
from host_waits import table
from training_sides import OURS, RUNNERS

SLOWER, FASTER = 1.02, 2.0
FIRST_OPERATORS = 8490  # of a pass of 16 images, R50-FPN, from batch to losses
SIZES = ("input", "objects", "trained parameters", "RoIs", "RoIs with masks")
UNSAMPLED = SIZES[:3]
ALIKE = 0.1  # losses of the first step: the rest is drawn, which anchors and RoIs count
ROWS = {"calls": "operators", "waits": "waits"}

Found = Mapping[str, Any]


def print_first(first: Found) -> None:
    """Sizes and losses of the first step, side by side."""
    write(_line("the first step, one batch", OURS, RUNNERS))
    ours, theirs = first[OURS], first[RUNNERS]
    for name in SIZES:
        write(_line(name, str(ours[name]), str(theirs[name])))
    for name, loss in theirs["losses"].items():
        write(_line(name, f"{ours['losses'][name]:.4f}", f"{loss:.4f}"))


def print_case(name: str, case: Found) -> None:
    """Speeds, operators and waits, side by side."""
    write("\n" + _line(f"{name}: training", OURS, RUNNERS))
    for row in ("images/s", "utilisation", "peak_GiB"):
        if row in case[OURS]:
            write(_line(row, f"{case[OURS][row]:.2f}", f"{case[RUNNERS][row]:.2f}"))
    _print_counts(case["a batch"], " a batch")
    for side in (OURS, RUNNERS):
        write(f"waits of {side} a batch")
        write("\n".join(table(case["a batch"][side]["waits"])))


def print_pass(found: Found) -> None:
    """Operators and waits of one pass, side by side."""
    write("\n" + _line("16 images, R50-FPN, to the losses", OURS, RUNNERS))
    _print_counts(found, "")


def as_figures(found: Found) -> Iterator[Figure]:
    """Each case's speed and waits, and the operators of a pass, beside the Runner's."""
    for name, case in found["cases"].items():
        speeds = (case[side]["images/s"] for side in (OURS, RUNNERS))
        ours, theirs = (f"{speed:.1f} images/s" for speed in speeds)
        yield Figure(
            what=f"{name}: training, loading counted",
            figure=ours,
            ratio=case["time, ratio"],
            rival=f"{RUNNERS}: {theirs}",
            kept=case["time, ratio"] <= _time_limit(name),
        )
        yield _counted(f"{name}: waits for a GPU, a batch", case["a batch"], "waits")
    yield _counted("R50-FPN: operators, 16 images to losses", found["pass of 16"], "calls")


def _counted(what: str, counts: Found, row: str) -> Figure:
    ours, theirs = (_total(counts, side, row) for side in (OURS, RUNNERS))
    return Figure(
        what=what,
        figure=f"{ours:,.0f}",
        ratio=ours / theirs,
        rival=f"{RUNNERS}: {theirs:,.0f}",
        kept=ours <= theirs,
    )


def verdict(found: Found) -> tuple[str, bool]:
    """Every bounded ratio in a line, and whether all bounds are kept."""
    judged = [(name, value, limit, value <= limit) for name, value, limit in _bounds(found)]
    parts = [
        f"{name} {value:.3f} ({'kept' if kept else 'MISSED'}: {limit:.3f})"
        for name, value, limit, kept in judged
    ]
    return "; ".join(parts), all(kept for *_, kept in judged)


def _bounds(found: Found) -> list[tuple[str, float, float]]:
    """What is bounded: its name, its value and the most that it may be."""
    ours, theirs = (found["first step"][side] for side in (OURS, RUNNERS))
    losses = [abs(ours["losses"][name] / loss - 1) for name, loss in theirs["losses"].items()]
    bounds = [
        ("first step: sizes that differ", sum(ours[name] != theirs[name] for name in UNSAMPLED), 0),
        ("losses' largest difference", max(losses), ALIKE),
    ]
    for name, case in found["cases"].items():
        waits = [_total(case["a batch"], side, "waits") for side in (OURS, RUNNERS)]
        bounds.append((f"{name}: time to the Runner's", case["time, ratio"], _time_limit(name)))
        bounds.append((f"{name}: waits to the Runner's", waits[0] / waits[1], 1))
    operators = _total(found["pass of 16"], OURS, "calls") / FIRST_OPERATORS
    return [*bounds, (f"pass of 16: operators to {FIRST_OPERATORS:,}", operators, 1 / 3)]


def _time_limit(case: str) -> float:
    return 1 / FASTER if case == "fast" else SLOWER


def _print_counts(counts: Found, of_what: str) -> None:
    for row, name in ROWS.items():
        ours, theirs = (_total(counts, side, row) for side in (OURS, RUNNERS))
        write(_line(name + of_what, f"{ours:,.1f}", f"{theirs:,.1f}"))


def _total(counts: Found, side: str, row: str) -> float:
    return float(sum(counts[side][row].values()))


def _line(name: str, ours: str, theirs: str) -> str:
    return f"{name:<36}{ours:>18}{theirs:>18}"


def write(line: str) -> None:
    """A line of the answer, at once."""
    sys.stdout.write(line.rstrip() + "\n")
    sys.stdout.flush()
