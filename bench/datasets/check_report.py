"""What a check of a data set found."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

UNPACK = "unpack the archive again, download it again (noisyseg data download), or mend the file"
_SHOWN = 3


@dataclass(kw_only=True, slots=True, frozen=True)
class Fault:
    """Something wrong with one file or annotation.

    Attributes:
        kind: what is wrong, the same words for all of a kind.
        where: which file or annotation.
        mend: what to do about it.
        count: of how many this is true; `where` is the first of them.
    """

    kind: str
    where: str
    mend: str
    count: int = 1


@dataclass(kw_only=True, slots=True)
class Report:
    """What a check found.

    Attributes:
        name: of the data set.
        faults: what is to be mended.
        warnings: what may well be meant, but changes what results say.
        remarks: what is worth knowing.
        images, annotations: how many were looked at.
        sha256: of annotation files, by path.
        contents: images looked at, by the SHA-256 of their bytes.
    """

    name: str
    faults: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    images: int = 0
    annotations: int = 0
    sha256: dict[str, str] = field(default_factory=dict)
    contents: dict[str, Path] = field(default_factory=dict)

    def groups(self) -> list[dict[str, Any]]:
        """The faults by kind: how many, the first of them, what to do."""
        kinds: dict[tuple[str, str], list[Fault]] = defaultdict(list)
        for fault in self.faults:
            kinds[fault.kind, fault.mend].append(fault)
        return [
            {
                "kind": kind,
                "count": sum(fault.count for fault in faults),
                "first": [fault.where for fault in faults[:_SHOWN]],
                "mend": mend,
            }
            for (kind, mend), faults in kinds.items()
        ]
