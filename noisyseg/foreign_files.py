"""What a file is that was given for COCO annotations and is none, and what makes COCO of it."""

import json
import re
import shlex
from collections.abc import Callable
from typing import Any

import orjson

from noisyseg.foreign_json import describe_json

_HEAD = 4096
_BOM = b"\xef\xbb\xbf"
_UNPACK = "unpack it and name the annotation file in it"
_ARCHIVES = (
    (b"\x1f\x8b", "gzip", "gunzip"),
    (b"PK\x03\x04", "zip", "unzip"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", "zstd -d"),
    (b"BZh", "bzip2", "bunzip2"),
    (b"\xfd7zXZ\x00", "xz", "unxz"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip", "7z x"),
    (b"Rar!", "RAR", "unrar x"),
)
_BINARY = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"BM", "a BMP image"),
    (b"RIFF", "an image or a film (RIFF)"),
    (b"PAR1", "a Parquet table"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"%PDF", "a PDF document"),
)
# Longest first: UTF-32's mark in the lower byte first begins as UTF-16's does.
_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def describe_foreign(data: bytes, name: str) -> str | None:
    """What bytes are that cannot be used as COCO annotations; None if that is not known.

    Args:
        data: the whole file, refused by the reader of annotations.
        name: of the file.

    Returns:
        A sentence that begins with "it is" and ends with what to do.
    """
    looks: tuple[Callable[[bytes, str], str | None], ...] = (
        *(_empty, _packed, _binary, _encoded, _pointer),
        *(_markup, _json, _numbers, _table, _yaml),
    )
    return next((found for look in looks if (found := look(data, name))), None)


def _empty(data: bytes, _: str) -> str | None:
    if data[:_HEAD].strip(b"\0 \t\r\n") or data.strip(b"\0 \t\r\n"):
        return None
    return "it is empty: fetch or export it again."


def _packed(data: bytes, name: str) -> str | None:
    for start, kind, command in _ARCHIVES:
        if data.startswith(start):
            return f"it is packed with {kind}: {_UNPACK} ({command} {_quoted(name)})."
    if data[257:262] == b"ustar":
        return f"it is a tar archive: {_UNPACK} (tar -xf {_quoted(name)})."
    return None


def _binary(data: bytes, _: str) -> str | None:
    for start, kind in _BINARY:
        if data.startswith(start) and not data.lstrip().startswith((b"{", b"[")):
            return f"it is {kind}, no text: name the JSON file of the annotations."
    if re.match(rb"\x80[\x02-\x05]", data):
        return (
            "it is a Python pickle, which is not opened, since opening one runs code: write what "
            "is in it with Python's json.dump."
        )
    return None


def _encoded(data: bytes, name: str) -> str | None:
    encoding = next((found for mark, found in _MARKS if data.startswith(mark)), None)
    if encoding is None and re.match(rb"\x00\x00\x00[\x20-\x7e]|[\x20-\x7e]\x00\x00\x00", data):
        encoding = "UTF-32"
    if encoding is None and re.match(rb"(\x00[\t\r\n\x20-\x7e]|[\t\r\n\x20-\x7e]\x00){2}", data):
        encoding = "UTF-16"
    if encoding is None:
        return None
    return (
        f"it is text in {encoding}, as some Windows programs write it, and JSON is UTF-8: iconv -f "
        f"{encoding} -t UTF-8 {_quoted(name)} makes that of it (leave a byte order mark out)."
    )


def _pointer(data: bytes, _: str) -> str | None:
    if data.startswith(b"version https://git-lfs.github.com/spec/"):
        return "it is a pointer of Git LFS, not the file itself: git lfs pull fetches that."
    if re.match(rb"(\.\./)*(\.git)?/annex/objects/", data):
        return "it is a pointer of git-annex, not the file itself: git annex get fetches that."
    return None


def _markup(data: bytes, _: str) -> str | None:
    text = _head(data).lower()
    if not text.startswith("<"):
        return None
    if "<!doctype html" in text or "<html" in text:
        return (
            "it is a web page, perhaps one that asks for a login or says that the file is gone: "
            "download the file itself again."
        )
    if re.search(r"<annotation\b", text) and "<object" in data.decode(errors="replace"):
        return (
            "it is XML in Pascal VOC's form, an image a file: supervision's DetectionDataset."
            "from_pascal_voc(…).as_coco(…) makes one COCO file of a folder of them (of VOC 2012 "
            "itself: noisyseg data prepare voc2012)."
        )
    if "<annotations" in text and ("<image" in text or "<meta" in text or "<track" in text):
        return (
            "it is CVAT's XML: export the task from CVAT as `COCO 1.0`, or datum convert -if cvat "
            "-f coco_instances makes that of it."
        )
    return (
        "it is XML: export the annotations as COCO JSON, or convert them (datum convert -f coco)."
    )


def _json(data: bytes, _: str) -> str | None:
    text = data.removeprefix(_BOM).lstrip()
    if not text.startswith((b"{", b"[")) and _head(data).partition(" ")[0] != "version":
        return None
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _broken_json(error)
    if data.startswith(_BOM) and describe_json(document) is None:
        return (
            "it is not valid JSON, because it begins with a byte order mark: save it as UTF-8 "
            "without one."
        )
    return describe_json(document)


def _broken_json(error: orjson.JSONDecodeError) -> str | None:
    text, place = error.doc, error.pos
    around = f"line {error.lineno}, column {error.colno}"
    constant = re.search(r"-?\b(NaN|Infinity)\b", text[max(place - 3, 0) : place + 12])
    if constant:
        return (
            f"it is not valid JSON, with {constant[0]} in {around}. Python's json writes that for "
            "a number that is none: find where it comes from (an empty mask's box or area, say), "
            "leave those annotations out, and write the file with json.dump(…, allow_nan=False)."
        )
    if _is_json_lines(text):
        return (
            "it is JSON Lines, an object a line: COCO is one object with the lists images, "
            "annotations and categories; put the lines' objects into them."
        )
    if re.match(r"[{\[]\s*'", text):
        return (
            "it is a Python value as print shows it, with ' where JSON has \": write it with "
            "Python's json.dump."
        )
    if re.search(r",\s*[}\]]", text[max(place - 20, 0) : place + 20]):
        return (
            f"it is not valid JSON, with a comma before a closing bracket near {around}: take the "
            "comma away."
        )
    return None


def _is_json_lines(text: str) -> bool:
    lines = [line for line in text[: 1 << 20].split("\n")[:3] if line.strip()]
    if len(lines) < 2:
        return False
    try:
        return all(isinstance(json.loads(line), dict | list) for line in lines[:2])
    except (ValueError, RecursionError):
        return False


def _numbers(data: bytes, _: str) -> str | None:
    """YOLO's text: a class index, then shares of the image's size."""
    rows = [line.split() for line in _head(data, whole_lines=True).splitlines() if line.strip()]
    if not rows or not all(_is_yolo(row) for row in rows):
        return None
    kind = "boxes" if max(map(len, rows)) <= 6 else "polygons"
    masks = "" if kind == "boxes" else ", force_masks=True"
    return (
        f"it is YOLO's text of {kind}, an image a file: supervision's DetectionDataset.from_yolo("
        f"…{masks}).as_coco(…) makes one COCO file of a folder of them and its data.yaml."
    )


def _is_yolo(row: list[str]) -> bool:
    if len(row) < 5 or (len(row) > 6 and len(row) % 2 == 0):
        return False
    try:
        values = [float(cell) for cell in row]
    except ValueError:
        return False
    number, *places = values
    return number.is_integer() and number >= 0 and all(-0.5 <= value <= 1.5 for value in places)


def _table(data: bytes, _: str) -> str | None:
    lines = [line for line in _head(data, whole_lines=True).splitlines() if line.strip()][:10]
    for separator, kind in ((",", "CSV"), (";", "CSV"), ("\t", "tab-separated values")):
        counts = {line.count(separator) for line in lines}
        if len(lines) > 1 and len(counts) == 1 and counts.pop() >= 2:
            return (
                f"it is a table ({kind}): COCO is JSON with the lists images, annotations and "
                "categories; export the annotations as COCO, or build those lists of the rows."
            )
    return None


def _yaml(data: bytes, _: str) -> str | None:
    text = _head(data)
    if not re.match(r"(---\s|%YAML|#.*\n|\s)*[\w-]+:(\s|$)", text):
        return None
    if re.search(r"^names:", text, re.M) and re.search(r"^(train|val|path|nc):", text, re.M):
        return (
            "it is the data.yaml of a YOLO data set: supervision's DetectionDataset.from_yolo(…)."
            "as_coco(…) makes a COCO file of its label files."
        )
    return "it is YAML: name the JSON file of the annotations."


def _head(data: bytes, *, whole_lines: bool = False) -> str:
    part = data.removeprefix(_BOM)[:_HEAD]
    if whole_lines and len(data) > _HEAD:
        part = part.rpartition(b"\n")[0]
    return part.decode(errors="replace").lstrip()


def _quoted(name: Any) -> str:
    return shlex.quote(str(name))
