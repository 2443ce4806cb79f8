"""Random draws that depend on (seed, stream, annotation id) and on nothing else.

There is no generator with a state: a draw is a hash, so neither the order of the annotations, nor
which others are in the file, nor the number of workers can change it.

With all arithmetic modulo 2^64 and `mix` the first output of SplitMix64 (Steele, Lea and Flood,
OOPSLA 2014; Vigna's public-domain splitmix64.c) for the seed x::

    mix(x):  z = x + 0x9E3779B97F4A7C15
             z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
             z = (z ^ (z >> 27)) * 0x94D049BB133111EB
             z ^ (z >> 31)
    stream(step, purpose)   = the first 8 bytes, big-endian, of SHA-256("TYPE/NUMBER/PURPOSE"), e.g.
                              "symmetric/0/flip"; NUMBER counts the earlier steps of the same type
    bits(seed, stream, id)  = mix(mix(mix(seed) ^ stream) ^ (id mod 2^64))
    bits(seed, stream, id, j) = mix(bits(seed, stream, id) ^ j)      where a draw is a sequence
    uniform                 = (bits >> 11) * 2^-53       in [0, 1)
    choice of n             = ((bits >> 32) * n) >> 32   in 0 … n-1, each within 2^-32 of 1/n

A step's stream has its type's name in it, not its place: a step of another type that is added
anywhere, or of its own type after it, changes none of its draws. (One of its own type before it is
the first of that type, and draws as such.) An id below 0 draws like the id 2^64 higher, which only
a contrived file holds as well.

Any change here changes every noisy file: raise the version of every noise type with it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError

Ids = Sequence[int] | NDArray[np.integer]

_GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
_SECOND_FACTOR = np.uint64(0x94D049BB133111EB)
_WORD = 1 << 64


class Purpose(Enum):
    """What a draw decides; each has a stream of its own within its step."""

    FLIP = "flip"  # whether an annotation is changed
    TARGET = "target"  # the class that it gets
    PAIR = "pair"  # the classes of a super-category that are swapped; drawn by category id
    STRENGTH = "strength"  # an annotation's own flip rate
    DIRECTION = "direction"  # grow or shrink
    VERTEX = "vertex"
    SHIFT = "shift"
    SIZE = "size"
    RANK = "rank"  # of which so many are taken
    IMAGE = "image"
    PLACE = "place"


def stream_number(kind: str, occurrence: int, purpose: Purpose) -> int:
    """Number of the stream that a step uses for one purpose, in [0, 2^64).

    Args:
        kind: the step's type.
        occurrence: how many steps of that type come before it.
        purpose: what is drawn.
    """
    name = f"{kind}/{occurrence}/{purpose.value}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """First SplitMix64 output for each word taken as a seed, shape (N,) to (N,); a bijection."""
    z = words + _GOLDEN_GAMMA
    z = (z ^ (z >> np.uint64(30))) * _FIRST_FACTOR
    z = (z ^ (z >> np.uint64(27))) * _SECOND_FACTOR
    return z ^ (z >> np.uint64(31))


def as_words(ids: Ids) -> NDArray[np.uint64]:
    """Ids modulo 2^64, shape (N,).

    Raises:
        InputError: an id outside [-2^63, 2^64).
    """
    if isinstance(ids, np.ndarray):
        return ids.astype(np.uint64)
    if len(ids) and (min(ids) < -(_WORD >> 1) or max(ids) >= _WORD):
        extreme = max(ids) if max(ids) >= _WORD else min(ids)
        raise InputError(
            f"an id must be in [-2^63, 2^64), got {extreme}: renumber the annotations."
        )
    return np.fromiter((number % _WORD for number in ids), dtype=np.uint64, count=len(ids))


def uniform(seed: int, stream: int, ids: Ids) -> NDArray[np.float64]:
    """One number in [0, 1) with 53 random bits for each id, shape (N,).

    Args:
        seed: noise seed in [0, 2^64).
        stream: see `stream_number`.
        ids: annotation ids in [-2^63, 2^64), shape (N,).
    """
    return (_bits(seed, stream, ids) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def choice(
    seed: int, stream: int, ids: Ids, n: int | NDArray[np.integer[Any]]
) -> NDArray[np.int64]:
    """One number out of 0 … n-1 for each id, shape (N,); the rest as `uniform`.

    Args:
        n: from 1 to 2^31, one for all or one for each id, shape (N,).
    """
    high = _bits(seed, stream, ids) >> np.uint64(32)
    return ((high * np.asarray(n, dtype=np.uint64)) >> np.uint64(32)).astype(np.int64)


def sequences(seed: int, stream: int, ids: Ids, length: int) -> NDArray[np.float64]:
    """`length` numbers in [0, 1) for each id, shape (N, length); the rest as `uniform`."""
    words = _bits(seed, stream, ids)[:, None] ^ np.arange(length, dtype=np.uint64)
    return (mix(words) >> np.uint64(11)).astype(np.float64) * 2.0**-53


@dataclass(frozen=True, kw_only=True, slots=True)
class StepDraws:
    """The draws of one step of noise.

    Attributes:
        seed: noise seed in [0, 2^64).
        kind: the step's type.
        occurrence: how many steps of that type come before it in its spec.
    """

    seed: int
    kind: str
    occurrence: int = 0

    def uniform(self, purpose: Purpose, ids: Ids) -> NDArray[np.float64]:
        """See `uniform`."""
        return uniform(self.seed, self._stream(purpose), ids)

    def choice(
        self, purpose: Purpose, ids: Ids, n: int | NDArray[np.integer[Any]]
    ) -> NDArray[np.int64]:
        """See `choice`."""
        return choice(self.seed, self._stream(purpose), ids, n)

    def sequences(self, purpose: Purpose, ids: Ids, length: int) -> NDArray[np.float64]:
        """See `sequences`."""
        return sequences(self.seed, self._stream(purpose), ids, length)

    def _stream(self, purpose: Purpose) -> int:
        return stream_number(self.kind, self.occurrence, purpose)


def _bits(seed: int, stream: int, ids: Ids) -> NDArray[np.uint64]:
    # One-element arrays, because numpy warns of overflow in scalars but wraps silently in arrays.
    key = mix(mix(np.array([seed], dtype=np.uint64)) ^ np.uint64(stream))
    return mix(key ^ as_words(ids))
