"""An entry's draws of the evaluation images, as text."""

import base64
import binascii
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError

DRAWS = 500
"""Draws of the evaluation images, the same for all entries of a ground."""
DRAWS_SEED = 0


def encoded_draws(precisions: NDArray[np.floating[Any]]) -> str:
    """Mask AP of each draw of images, shape (DRAWS,), as text: base64 of little-endian float32."""
    return base64.b64encode(precisions.astype("<f4").tobytes()).decode()


def decoded_draws(text: str) -> NDArray[np.float32]:
    """What `encoded_draws` was given, shape (DRAWS,).

    Raises:
        InputError: it was given something else.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"draws: wanted base64, got {text[:20]!r}: {error}") from error
    if len(data) != 4 * DRAWS:
        raise InputError(f"draws: wanted {DRAWS} numbers of 4 bytes, got {len(data)} bytes")
    draws = np.frombuffer(data, dtype="<f4")
    if not ((draws >= 0) & (draws <= 100)).all():  # neither is NaN
        raise InputError("draws: wanted numbers from 0 to 100")
    return draws
