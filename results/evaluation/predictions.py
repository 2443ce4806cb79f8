"""A run's detections, in one compressed JSON file that `zstd -d` and `jq` can read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, TypedDict

import msgspec
import orjson
import zstandard

from noisyseg.errors import InputError
from noisyseg.files import canonical_json, sha256_bytes, write_atomically

FORMAT = 1
_LEVEL = 10  # part of the file's bytes, hence of its checksum


class RunLengths(TypedDict):
    """A mask as COCO's compressed run-length encoding."""

    size: list[int]
    counts: str


class Detection(TypedDict):
    """One detection; `category_id` is the annotation file's id, `bbox` is x, y, width, height."""

    image_id: int
    category_id: int
    score: float
    bbox: list[float]
    segmentation: RunLengths


@dataclass(frozen=True, slots=True)
class Predictions:
    """The detections of one run, and the images they were looked for in.

    Attributes:
        image_ids: every image evaluated, those without a detection too.
        detections: boxes in pixels, masks as compressed run lengths of the image's size.
        annotations_sha256: checksum of the annotation file the images and category ids are of.

    Raises:
        InputError: a detection is malformed, or of an image that was not evaluated.
    """

    image_ids: tuple[int, ...]
    detections: list[Detection]
    annotations_sha256: str

    def __post_init__(self) -> None:
        image_ids = tuple(_integer(image_id, "image_ids") for image_id in self.image_ids)
        evaluated = set(image_ids)
        if len(evaluated) != len(image_ids):
            raise InputError("image_ids names an image twice: give each evaluated image once")
        detections = [_detection(raw, f"detection {i}") for i, raw in enumerate(self.detections)]
        for i, detection in enumerate(detections):
            if detection["image_id"] not in evaluated:
                raise InputError(
                    f"detection {i} is of image {detection['image_id']}, which is not among the "
                    f"{len(image_ids)} evaluated images: list it in image_ids or drop it"
                )
        object.__setattr__(self, "image_ids", image_ids)
        object.__setattr__(self, "detections", detections)


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    """The file; `Predictions` looks into its detections."""

    format: Literal[1]
    annotations_sha256: str
    image_ids: list[Any]
    detections: list[Any]


def write_predictions(
    path: Path,
    predictions: Sequence[Mapping[str, Any]],
    *,
    image_ids: Sequence[int],
    annotation_sha256: str,
) -> str:
    """Write detections to path, whole or not at all; equal detections give equal bytes.

    Args:
        path: the file, by custom `predictions.json.zst`.
        predictions: detections as in `Detection`; NumPy numbers and bytes `counts` are accepted.
        image_ids: every image evaluated, those without a detection too.
        annotation_sha256: checksum of the annotation file evaluated against.
    Returns:
        SHA-256 of the file.
    Raises:
        InputError: a malformed detection, or a folder that cannot be written to.
    """
    try:
        checked = Predictions(tuple(image_ids), list(predictions), annotation_sha256)  # type: ignore[arg-type]
    except InputError as error:
        raise InputError(f"cannot write {path}: {error}") from error
    document = {
        "format": FORMAT,
        "annotations_sha256": checked.annotations_sha256,
        "image_ids": checked.image_ids,
        "detections": checked.detections,
    }
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    data = compressor.compress(canonical_json(document))
    write_atomically(path, data)
    return sha256_bytes(data)


def read_predictions(path: Path) -> Predictions:
    """Read what `write_predictions` wrote.

    Raises:
        InputError: no such file, or one that is truncated, damaged or of another format.
    """
    try:
        document = msgspec.convert(orjson.loads(decompressed(path.read_bytes())), _Document)
        return Predictions(
            tuple(document.image_ids), document.detections, document.annotations_sha256
        )
    except OSError as error:
        raise InputError(f"cannot read predictions {path}: {error.strerror}") from error
    except (zstandard.ZstdError, msgspec.ValidationError, ValueError) as error:
        raise InputError(
            f"{path} does not hold predictions: {error}. It is damaged or cut short, or not of "
            "this program: evaluate the run again"
        ) from error


def decompressed(data: bytes) -> bytes:
    """The content of one whole Zstandard frame.

    Raises:
        ZstdError: damaged.
        ValueError: cut short, or followed by other data.
    """
    # Not `decompress`, which would believe a damaged header's size and ask for that much memory.
    frame = zstandard.ZstdDecompressor().decompressobj()
    content = frame.decompress(data)
    if not frame.eof:
        raise ValueError("the compressed data end too early")
    if frame.unused_data:
        raise ValueError("other data follow the compressed ones")
    return content


def _detection(raw: Any, where: str) -> Detection:
    wanted = Detection.__required_keys__
    if not isinstance(raw, Mapping) or set(raw) != wanted:
        keys = ", ".join(sorted(map(str, raw))) if isinstance(raw, Mapping) else type(raw).__name__
        raise InputError(f"{where}: wanted the keys {', '.join(sorted(wanted))}, got {keys}")
    return {
        "image_id": _integer(raw["image_id"], f"{where}, image_id"),
        "category_id": _integer(raw["category_id"], f"{where}, category_id"),
        "score": _number(raw["score"], f"{where}, score"),
        "bbox": _box(raw["bbox"], f"{where}, bbox"),
        "segmentation": _run_lengths(raw["segmentation"], f"{where}, segmentation"),
    }


def _integer(value: Any, where: str) -> int:
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    raise InputError(f"{where}: wanted an integer, got {value!r}")


def _number(value: Any, where: str) -> float:
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise InputError(f"{where}: wanted a finite number, got {value!r}")


def _box(value: Any, where: str) -> list[float]:
    if isinstance(value, str) or not hasattr(value, "__len__") or len(value) != 4:
        raise InputError(f"{where}: wanted [x, y, width, height], got {value!r}")
    box = [_number(side, where) for side in value]
    if box[2] < 0 or box[3] < 0:
        raise InputError(f"{where}: negative width or height in {box}")
    return box


def _run_lengths(value: Any, where: str) -> RunLengths:
    if not isinstance(value, Mapping) or set(value) != {"size", "counts"}:
        raise InputError(f"{where}: wanted compressed run lengths {{size, counts}}, got {value!r}")
    size, counts = value["size"], value["counts"]
    if isinstance(counts, bytes):  # what pycocotools' encode returns
        counts = counts.decode("ascii", errors="replace")
    if not isinstance(counts, str):
        raise InputError(f"{where}: counts must be a string, got {repr(counts)[:60]}")
    if not isinstance(size, Sequence) or len(size) != 2:
        raise InputError(f"{where}: size must be [height, width], got {size!r}")
    return {"size": [_integer(side, f"{where}, size") for side in size], "counts": counts}
