"""What a method remembers of each annotation, and means over the RoIs matched to one."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


class AnnotationMemory:
    """A row of numbers per annotation; an annotation that was never written has zeros.

    Rows are kept in the order in which annotations are first written, on the device of what is
    written.
    """

    def __init__(self) -> None:
        self._row_of: dict[int, int] = {}
        self._values: Tensor | None = None

    def read(self, ids: Tensor, *, like: Tensor) -> Tensor:
        """The rows of some annotations.

        Args:
            ids: annotation ids, shape (M,).
            like: a tensor of shape (M, C): its width, type and device are the answer's.

        Returns:
            Shape (M, C), a copy.
        """
        if self._values is None:
            return torch.zeros_like(like)
        rows = [self._row_of.get(number, -1) for number in ids.tolist()]
        index = torch.tensor(rows, dtype=torch.long, device=like.device)
        found = self._values.to(like.device)[index.clamp_min(0)].to(like.dtype)
        return torch.where((index >= 0).unsqueeze(1), found, torch.zeros_like(like))

    def write(self, ids: Tensor, values: Tensor) -> None:
        """Replace the rows of some annotations, each named once.

        Args:
            ids: annotation ids, shape (M,), all different.
            values: shape (M, C); kept in float32.
        """
        if not len(ids):
            return
        rows = [self._row_of.setdefault(number, len(self._row_of)) for number in ids.tolist()]
        stored = self._room(values)
        stored[torch.tensor(rows, dtype=torch.long, device=stored.device)] = values.detach().float()

    def everything(self) -> tuple[Tensor, Tensor]:
        """All ids, shape (M,), and their rows, shape (M, C); (0,) and (0, 0) before any write."""
        count = len(self._row_of)
        ids = torch.tensor(list(self._row_of), dtype=torch.long)
        if self._values is None:
            return ids, torch.zeros(0, 0)
        return ids.to(self._values.device), self._values[:count].clone()

    def state_dict(self) -> dict[str, Any]:
        """All ids, rising, and their rows: equal for equal memories, however they were written."""
        ids, values = self.everything()
        ids, order = ids.cpu().sort()
        return {"ids": ids, "values": values.cpu()[order]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Forget everything and take the rows of a state."""
        self._row_of, self._values = {}, None
        self.write(state["ids"], state["values"])

    def _room(self, values: Tensor) -> Tensor:
        """The table, on the device of values, with room for every row; it doubles as it grows."""
        needed = len(self._row_of)
        table = self._values
        if table is None or len(table) < needed:
            grown = torch.zeros(max(64, 2 * needed), values.shape[1], device=values.device)
            if table is not None:
                grown[: len(table)] = table
            table = grown
        self._values = table.to(values.device)
        return self._values


def merged_memory(before: Mapping[str, Any], states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The state of a memory whose annotations several ranks wrote apart from one another.

    Exact where no two of them changed the same annotation, as in an epoch, in which each image is
    seen once: a row is that of the rank that changed it. Of several, it is the first rank's.

    Args:
        before: the state from which all ranks set out.
        states: what each of them has now, in their order. What is in none of them is forgotten.
    """
    states = [state for state in states if len(state["ids"])] or states[:1]
    ids = torch.unique(torch.cat([state["ids"] for state in states]))
    width = max(state["values"].shape[1] for state in states)
    values = torch.zeros(len(ids), width)
    changed = [_changed(state, before) for state in states]
    for taken in (False, True):  # over what was left as it was
        for state, marks in reversed(list(zip(states, changed, strict=True))):
            own = marks == taken
            values[torch.searchsorted(ids, state["ids"][own])] = state["values"][own]
    return {"ids": ids, "values": values}


def _changed(state: Mapping[str, Any], before: Mapping[str, Any]) -> Tensor:
    """Which rows of a state, shape (M,), are not as they were before."""
    ids, known = state["ids"], before["ids"]
    if not len(known):
        return torch.ones(len(ids), dtype=torch.bool)
    place = torch.searchsorted(known, ids).clamp_max(len(known) - 1)
    same: Tensor = (before["values"][place] == state["values"]).all(dim=1)
    same &= known[place] == ids
    return ~same


def mean_by_annotation(values: Tensor, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Means over the RoIs that are matched to the same annotation.

    Args:
        values: a row per RoI, shape (M, C).
        ids: their annotation ids, shape (M,).

    Returns:
        The U different ids, rising; their means, shape (U, C); each RoI's place among them,
        shape (M,).
    """
    unique, place, counts = torch.unique(ids, return_inverse=True, return_counts=True)
    sums = values.new_zeros(len(unique), values.shape[1]).index_add_(0, place, values)
    return unique, sums / counts.unsqueeze(1).to(values.dtype), place
