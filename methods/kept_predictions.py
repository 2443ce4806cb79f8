"""The last predictions of an epoch, kept by several ranks, made one.

A state has `epoch`, `count` (the epoch's predictions so far, R) and, where there are any, `seen`:
the last of them, shape (min(R, limit), K), each new one in the place of the oldest.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def merged_predictions(
    before: Mapping[str, Any], states: Sequence[Mapping[str, Any]], *, limit: int
) -> dict[str, Any]:
    """One state of ranks that each had predictions of their own since `before`.

    Exact, but for the order, as long as there are no more than limit. Of more, the last are kept as
    if the ranks had had theirs at an even pace.

    Args:
        before: the state from which all ranks set out.
        states: what each of them has now, in their order.
        limit: how many predictions are kept.
    """
    epoch = max(state["epoch"] for state in states)
    present = [state for state in states if state["epoch"] == epoch]
    shared = before["count"] if before["epoch"] == epoch else 0
    count = shared + sum(state["count"] - shared for state in present)
    new = _interleaved([_in_order(state, since=shared, limit=limit) for state in present])
    parts = [_in_order(before, since=0, limit=limit), new] if shared else [new]
    rows = torch.cat([part for part in parts if len(part)] or parts)[-limit:]
    merged: dict[str, Any] = {"count": count, "epoch": epoch}
    if len(rows):
        merged["seen"] = rows.roll(_oldest(rows, count, limit), dims=0)
    return merged


def _in_order(state: Mapping[str, Any], *, since: int, limit: int) -> Tensor:
    """A state's predictions, the oldest first, without the epoch's first `since`."""
    if "seen" not in state:
        return torch.zeros(0, 0)
    rows, count = state["seen"], int(state["count"])
    ordered: Tensor = rows.roll(-_oldest(rows, count, limit), dims=0)
    return ordered[max(0, len(rows) - (count - since)) :]


def _oldest(rows: Tensor, count: int, limit: int) -> int:
    """The place of the oldest row, which the next one takes once all places are taken."""
    return count % limit if len(rows) == limit else 0


def _interleaved(parts: Sequence[Tensor]) -> Tensor:
    """Rows of several as they come when all begin, and end, at the same time."""
    found = [part for part in parts if len(part)]
    if not found:
        return torch.zeros(0, 0)
    times = torch.cat([(torch.arange(len(part)) + 0.5) / len(part) for part in found])
    return torch.cat(found)[times.argsort(stable=True)]
