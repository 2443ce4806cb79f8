"""What an evaluation matched, as a file: MessagePack under Zstandard, of no program's own kind.

It holds all that a bootstrap over images needs, so that methods are compared where neither
annotations nor masks are. I images, T IoU thresholds, D detections of a class; numbers are
little-endian, rows of bits begin with the highest bit of a byte, each row with a byte of its own.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes, write_atomically
from noisyseg.results.evaluation.image_matches import ClassMatches, Matches
from noisyseg.results.evaluation.predictions import decompressed
from noisyseg.results.evaluation.settings import EVALUATION

FORMAT: Literal[1] = 1
_LEVEL = 10  # part of the file's bytes, hence of its checksum
_NUMBERS = np.dtype("<u4")


class _Class(msgspec.Struct, forbid_unknown_fields=True):
    """A class's `ClassMatches`: D and I numbers, T rows of D bits."""

    image: bytes
    right: bytes
    counts: bytes
    instances: bytes


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    """The file; `predictions_sha256` and `evaluation` say what was matched, and by which rules."""

    format: Literal[1]
    evaluation: int
    predictions_sha256: str
    thresholds: int
    image_ids: list[int]
    classes: list[_Class]


def write_matches(path: Path, matches: Matches, *, predictions_sha256: str) -> str:
    """Write matches to path, whole or not at all; equal matches give equal bytes.

    Args:
        path: the file, by custom `matches.msgpack.zst`.
        matches: of a run.
        predictions_sha256: checksum of the predictions that were matched.

    Returns:
        SHA-256 of the file.

    Raises:
        InputError: a folder that cannot be written to.
    """
    document = _Document(
        format=FORMAT,
        evaluation=EVALUATION["version"],
        predictions_sha256=predictions_sha256,
        thresholds=len(matches.classes[0].right) if matches.classes else 0,
        image_ids=list(matches.image_ids),
        classes=[
            _Class(
                image=entry.image.astype(_NUMBERS).tobytes(),
                right=np.packbits(entry.right, axis=1).tobytes(),
                counts=np.packbits(entry.counts, axis=1).tobytes(),
                instances=entry.instances.astype(_NUMBERS).tobytes(),
            )
            for entry in matches.classes
        ],
    )
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    data = compressor.compress(msgspec.msgpack.encode(document))
    write_atomically(path, data)
    return sha256_bytes(data)


def read_matches(path: Path) -> Matches:
    """Read what `write_matches` wrote.

    Raises:
        InputError: no such file, or one that is truncated, damaged or of another format.
    """
    try:
        document = msgspec.msgpack.decode(decompressed(path.read_bytes()), type=_Document)
        classes = [
            _of_class(entry, images=len(document.image_ids), thresholds=document.thresholds)
            for entry in document.classes
        ]
    except OSError as error:
        raise InputError(f"cannot read matches {path}: {error.strerror}") from error
    except (zstandard.ZstdError, msgspec.MsgspecError, ValueError) as error:
        raise InputError(
            f"{path} does not hold a run's matches: {error}. Remove it: they are made from the "
            "run's predictions where annotations are there"
        ) from error
    return Matches(image_ids=tuple(document.image_ids), classes=tuple(classes))


def matched_of(path: Path) -> tuple[str, int]:
    """Of which predictions (their SHA-256) a readable file says its matches are, and by which
    version of the evaluation's rules.
    """
    document = msgspec.msgpack.decode(decompressed(path.read_bytes()), type=_Document)
    return document.predictions_sha256, document.evaluation


def _of_class(entry: _Class, *, images: int, thresholds: int) -> ClassMatches:
    image, instances = _numbers(entry.image), _numbers(entry.instances)
    if len(instances) != images or (image >= images).any():
        raise ValueError(f"a class has other images than the {images}")
    return ClassMatches(
        image=image,
        right=_bits(entry.right, (thresholds, len(image))),
        counts=_bits(entry.counts, (thresholds, len(image))),
        instances=instances,
    )


def _numbers(data: bytes) -> NDArray[np.int64]:
    return np.frombuffer(data, dtype=_NUMBERS).astype(np.int64)


def _bits(data: bytes, shape: Sequence[int]) -> NDArray[np.bool_]:
    rows, columns = shape
    packed = np.frombuffer(data, dtype=np.uint8).reshape(rows, (columns + 7) // 8)
    return np.unpackbits(packed, axis=1, count=columns).astype(bool)
