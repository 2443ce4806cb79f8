"""COCO's compressed run lengths: decoded, and refused where they would break pycocotools."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

# A number is base 32, least digit first: every character but its last carries the bit 0x20.
_NUMBERS = re.compile(rb"(?:[P-o]{0,6}[0-O])+")
_AT_ONCE = 4096  # masks: bounds the memory that a long list takes


def runs_of(counts: str | bytes) -> Integers | None:
    """Run lengths out of compressed `counts`, zeros first, shape (R,); None if it is damaged.

    A run may come out negative: whoever takes them looks, and adds them up.
    """
    content = counts.encode() if isinstance(counts, str) else counts
    return decode_counts(content) if _NUMBERS.fullmatch(content) else None


def decode_counts(counts: bytes) -> Integers:
    """Run lengths out of well-formed compressed `counts`, shape (R,); pycocotools keeps them.

    A number has its lowest five bits first, and 32 marks that more follow; the last one's 16 is the
    sign. From the fourth on, a number is the difference to the run two before (maskApi.c).
    """
    digits = np.frombuffer(counts, dtype=np.uint8).astype(np.int64) - 48
    runs = _numbers(digits, np.flatnonzero(digits < 32))
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs


def pixels_described(counts: Sequence[str]) -> Integers:
    """How many pixels the runs of compressed masks cover: height x width where one is sound.

    pycocotools does not check: a string that stops in the middle of a number is read past its end,
    and two masks whose runs cover different totals keep its intersection loop turning for ever.

    Args:
        counts: the `counts` strings of compressed COCO run-length encodings.
    Returns:
        Pixels per mask, shape (len(counts),); -1 for what is not an encoding or has a negative run.
    """
    parts = [_pixels(counts[i : i + _AT_ONCE]) for i in range(0, len(counts), _AT_ONCE)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _pixels(counts: Sequence[str]) -> Integers:
    pixels = np.full(len(counts), -1, dtype=np.int64)
    texts = {i: text for i, c in enumerate(counts) if _NUMBERS.fullmatch(text := c.encode())}
    if not texts:
        return pixels
    sound = np.array(list(texts), dtype=np.int64)
    digits = np.frombuffer(b"".join(texts.values()), dtype=np.uint8).astype(np.int64) - 48
    owner_of_digit = np.repeat(np.arange(len(texts)), [len(text) for text in texts.values()])
    last = np.flatnonzero(digits < 32)
    owner = owner_of_digit[last]
    runs = _undo_differences(_numbers(digits, last), owner)
    starts = _starts(owner)
    total = np.add.reduceat(runs, starts)
    smallest = np.minimum.reduceat(runs, starts)
    pixels[sound] = np.where(smallest < 0, -1, total)
    return pixels


def _numbers(digits: Integers, last: Integers) -> Integers:
    """Signed numbers from their base-32 digits: five bits each, the sign in the last one's 0x10."""
    first = np.concatenate(([0], last[:-1] + 1))
    places = np.arange(len(digits)) - np.repeat(first, last - first + 1)
    values: Integers = np.add.reduceat((digits & 0x1F) << (5 * places), first)
    negative = (digits[last] & 0x10) != 0
    return np.where(negative, values - (np.int64(1) << (5 * (places[last] + 1))), values)


def _undo_differences(values: Integers, owner: Integers) -> Integers:
    """From a mask's fourth on, a run is stored as its difference to the run two before."""
    starts = _starts(owner)
    place = np.arange(len(values)) - starts[owner]
    runs = values.copy()
    for chain in (place % 2 == 1, (place % 2 == 0) & (place > 0)):
        if chain.any():
            runs[chain] = _running_sums(values[chain], owner[chain])
    return runs


def _running_sums(values: Integers, owner: Integers) -> Integers:
    sums: Integers = np.cumsum(values)
    starts = _starts(owner)
    before = (sums - values)[starts]
    return sums - np.repeat(before, np.diff(starts, append=len(values)))


def _starts(owner: Integers) -> Integers:
    """Where each owner's stretch begins."""
    return np.flatnonzero(np.diff(owner, prepend=-1))
