"""The annotations of a data set, looked at before anything trains: once, and written down."""

from pathlib import Path
from typing import Any

import orjson

from noisyseg.annotation_files.columns import Columns
from noisyseg.annotation_files.document import collector_paused
from noisyseg.annotation_files.findings import grouped, refuse_errors
from noisyseg.annotation_files.identities import identity_findings
from noisyseg.annotation_files.shape_kinds import NO_AREA
from noisyseg.annotation_files.shapes import shape_findings
from noisyseg.annotation_files.usage import unchosen_findings, usage_findings
from noisyseg.files import canonical_json

CHECK_VERSION = 1
"""Of what is looked for: raised when more is, so that files are looked at again."""
NOTE = "checked.json"
PARTS = ("train", "eval")

Found = dict[str, list[str]]
"""Of `train` and `eval`: a line for each kind of what whoever trains on it should know."""


def written_before(folder: Path) -> Found | None:
    """What was found when the prepared files in folder were written; None if nothing tells.

    Args:
        folder: named by the files, classes and limits that it was made from.
    """
    try:
        note = orjson.loads((folder / NOTE).read_bytes())
        found: Found = note["found"] if note["version"] == CHECK_VERSION else {}
        lines = [line for part in PARTS for line in found[part]]
        return found if all(isinstance(line, str) for line in lines) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def note_of(found: Found) -> bytes:
    """The content of the note that `written_before` reads."""
    return canonical_json({"version": CHECK_VERSION, "found": found})


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
