"""A training's state at the end of an epoch: written whole, read without unpickling objects."""

import io
import pickle
import struct
from pathlib import Path
from typing import Any

import torch

from noisyseg.files import write_atomically

# What torch.load raises for a file that is cut short, damaged or no state dict at all.
UNREADABLE = (
    *(OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AssertionError),
    *(pickle.UnpicklingError, struct.error),
)


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint at path by state (tensors and plain values)."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(path, buffer.getvalue())


def load_checkpoint(path: Path, *, key: str) -> dict[str, Any] | None:
    """The state saved for the run of this key; None if there is none that can be used.

    A checkpoint is a convenience: one that is torn or another run's means starting anew.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE:
        return None
    if not isinstance(state, dict) or state.get("key") != key:
        return None
    return state
