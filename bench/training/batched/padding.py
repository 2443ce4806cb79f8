"""Lists of rows, an image each, as one tensor; what the host knows is sent without a wait."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Integers = npt.NDArray[np.int64]


def on_device(array: npt.NDArray[np.generic], device: torch.device) -> Tensor:
    """An array as a tensor there; a GPU is sent it from pinned memory, so that nothing waits."""
    tensor = torch.from_numpy(array)
    if device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)


def first_rows(counts: Sequence[int]) -> Integers:
    """Where each image's rows begin in a table of all images' rows, shape (B,)."""
    return np.cumsum([0, *counts[:-1]], dtype=np.int64)


def padded_rows(counts: Sequence[int]) -> Integers:
    """Rows of a table of all images' rows, as many slots an image as the longest has (at least 1).

    Args:
        counts: rows of each of B images.

    Returns:
        Shape (B, slots); an empty slot has the number of all rows: the one behind the last.
    """
    slots = np.arange(max(1, *counts), dtype=np.int64)
    rows = first_rows(counts)[:, None] + slots
    rows[slots >= np.array(counts)[:, None]] = sum(counts)
    return rows


def table(parts: Sequence[Tensor], last: float) -> Tensor:
    """All images' rows one after the other, and a last row of one value, for empty slots."""
    return torch.cat([*parts, parts[0].new_full((1, *parts[0].shape[1:]), last)])
