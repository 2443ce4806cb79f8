"""What was found in an annotation file: of which kind, where, how bad, and what to do."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from noisyseg.errors import UnusableFileError

EXPORT = "correct the annotation file, or export it again"
_SHOWN = 3


class Level(Enum):
    """How bad a finding is.

    Attributes:
        ERROR: training or evaluation would break, or give a number that is wrong: refused.
        FLAW: to be mended; a run goes on and says so, a check of the data fails.
        WARNING: may well be meant; whoever reads the results should know it.
    """

    ERROR = "error"
    FLAW = "flaw"
    WARNING = "warning"


@dataclass(kw_only=True, slots=True, frozen=True)
class Finding:
    """Something found in an annotation file.

    Attributes:
        kind: what it is, the same words for all of a kind.
        where: which annotation and image; empty where the file as a whole is meant.
        mend: what to do about it.
        count: of how many annotations this is true; `where` is the first of them.
    """

    level: Level
    kind: str
    where: str = ""
    mend: str = EXPORT
    count: int = 1


def annotation_name(annotation: Mapping[str, Any], image: Mapping[str, Any]) -> str:
    """How a message calls an annotation."""
    return f"annotation {annotation['id']} of {image_name(image)}"


def image_name(image: Mapping[str, Any]) -> str:
    """How a message calls an image."""
    name = image.get("file_name") or image.get("coco_url")
    return f"image {image['id']}" + (f" ({name})" if name else "")


def grouped(findings: Iterable[Finding]) -> list[str]:
    """A line for each kind: how many, the first of them, what to do."""
    kinds: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        kinds[finding.kind, finding.mend].append(finding)
    return [_line(kind, found, mend) for (kind, mend), found in kinds.items()]


def _line(kind: str, found: Sequence[Finding], mend: str) -> str:
    count = sum(finding.count for finding in found)
    shown = [finding.where for finding in found[:_SHOWN] if finding.where]
    more = f"; and {count - len(shown)} more" if shown and count > len(shown) else ""
    what = f"{count} × {kind}: {'; '.join(shown)}{more}" if shown else kind
    return f"{what}. What to do: {mend}." if mend else f"{what}."


def refuse_errors(findings: Sequence[Finding], refused: str) -> None:
    """Refuse a file in which an error was found.

    Args:
        findings: in it.
        refused: which file, and what cannot be done with it.

    Raises:
        UnusableFileError: every kind of error, with the first annotations of each.
    """
    lines = grouped(finding for finding in findings if finding.level is Level.ERROR)
    if lines:
        told = f" {lines[0]}" if len(lines) == 1 else "\n  " + "\n  ".join(lines)
        raise UnusableFileError(f"{refused}:{told}")
