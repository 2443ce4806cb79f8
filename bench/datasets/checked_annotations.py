"""The annotations of a data set, looked at before anything trains: once, and written down."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import msgspec

from noisyseg.annotation_files.columns import Columns
from noisyseg.annotation_files.document import collector_paused
from noisyseg.annotation_files.findings import grouped, refuse_errors
from noisyseg.annotation_files.identities import identity_findings
from noisyseg.annotation_files.shape_kinds import NO_AREA
from noisyseg.annotation_files.shapes import shape_findings
from noisyseg.annotation_files.usage import trained_places, unchosen_findings, usage_findings
from noisyseg.files import sha256_bytes

CHECK_VERSION = 2
"""Of what is looked for and noted: raised when more is, so that files are looked at again."""
NOTE = "checked.json"
PARTS = ("train", "eval")


class _Names(TypedDict, total=False):
    file_name: str
    coco_url: str


class NotedImage(_Names):
    """An image of a prepared file.

    Attributes:
        annotated: whether it has an annotation.
        trained: whether it has one that is trained on.
    """

    id: int
    width: int
    height: int
    annotated: bool
    trained: bool


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What is known of a prepared file, by which it need not be parsed again.

    Attributes:
        sha256: of the file.
        size: in bytes.
        found: a line for each kind of what whoever trains on it should know.
        images: as the file that it was made from names them.
    """

    sha256: str
    size: int
    found: list[str]
    images: list[NotedImage]


class _Note(msgspec.Struct):
    version: int
    parts: dict[str, Facts]


_NOTE = msgspec.json.Decoder(_Note)


def written_before(folder: Path) -> dict[str, Facts] | None:
    """What was noted of `train` and `eval` when the prepared files in folder were written.

    Args:
        folder: named by the files, classes and limits that it was made from.

    Returns:
        None if nothing tells, or the note is damaged.
    """
    try:
        stated, _, content = (folder / NOTE).read_bytes().partition(b"\n")
        if sha256_bytes(content) != stated.decode():
            return None
        note = _NOTE.decode(content)
    except (OSError, ValueError):
        return None
    whole = note.version == CHECK_VERSION and set(note.parts) == set(PARTS)
    return note.parts if whole else None


def note_of(parts: dict[str, Facts]) -> bytes:
    """The content of the note that `written_before` reads: its checksum, and a line of JSON."""
    content = msgspec.json.encode(_Note(version=CHECK_VERSION, parts=parts))
    return sha256_bytes(content).encode() + b"\n" + content


def noted_images(chosen: Columns) -> list[NotedImage]:
    """The images of columns, each annotation of which has an area."""
    annotated = set(chosen.image_of.tolist())
    trained = set(chosen.image_of[trained_places(chosen)].tolist())
    return [
        _noted(image, annotated=place in annotated, trained=place in trained)
        for place, image in enumerate(chosen.images)
    ]


def _noted(image: Mapping[str, Any], *, annotated: bool, trained: bool) -> NotedImage:
    noted: NotedImage = {
        "id": image["id"],
        "width": image["width"],
        "height": image["height"],
        "annotated": annotated,
        "trained": trained,
    }
    if image.get("file_name"):
        noted["file_name"] = image["file_name"]
    else:
        noted["coco_url"] = image["coco_url"]
    return noted


def look_at(
    chosen: Columns, whole: dict[str, Any], path: Path, *, part: str, policy: str
) -> list[str]:
    """Refuse what cannot be trained or evaluated on; a line for each kind of what is to be known.

    Args:
        chosen: the images and annotations of the run's classes, with these as its categories.
        whole: the document that they are of, whose entries are well-formed and consistent.
        path: of its file.
        part: "train" or "eval".
        policy: what became of images with other classes.

    Raises:
        InputError: every kind of error in it.
    """
    with collector_paused():
        findings = [*identity_findings(chosen), *shape_findings(chosen)]
        if all(finding.kind != NO_AREA for finding in findings):
            findings += usage_findings(chosen, part)
    refuse_errors(findings, f"{path}: cannot be trained or evaluated on")
    classes = [entry["name"] for entry in chosen.categories]
    return grouped([*findings, *unchosen_findings(whole, classes, policy)])
