"""Detections as COCO's evaluation server takes them: one JSON file in a zip of the same name."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from noisyseg.files import write_atomically

_EPOCH = (1980, 1, 1, 0, 0, 0)  # a file's date would make equal submissions differ


def submission_name(algorithm: str) -> str:
    """The name that the server asks for: detections_test-dev2017_ALGORITHM_results.zip."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-.") else "-" for c in algorithm)
    return f"detections_test-dev2017_{plain}_results.zip"


def write_submission(path: Path, detections: Sequence[Mapping[str, Any]]) -> None:
    """Write masks and scores, whole or not at all; boxes stay out, as in a mask submission.

    Args:
        path: named by `submission_name`; the JSON file in it has the same stem.
        detections: as in `predictions.Detection`.
    Raises:
        InputError: the folder cannot be written to.
    """
    kept = ("image_id", "category_id", "segmentation", "score")
    content = orjson.dumps([{key: entry[key] for key in kept} for entry in detections])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = zipfile.ZipInfo(f"{path.stem}.json", date_time=_EPOCH)
        member.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(member, content)
    write_atomically(path, buffer.getvalue())
