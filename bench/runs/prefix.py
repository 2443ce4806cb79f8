"""What several runs have in common, as files: the state after some epochs, and the log so far.

A run leaves it as it passes (the trunk), others begin from it (the branches). Below a store:
`.prefixes/<key>/` with `checkpoint.pth`, a log for each threshold that branches go by, and
`checkpoint.json`, written last, which has the checksums of both.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypedDict

import msgspec

FOLDER = ".prefixes"  # in a store; no data set's name can begin with a point

Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


@dataclass(kw_only=True, slots=True, frozen=True)
class Prefix:
    """The first epochs of several runs.

    Attributes:
        key: the hash of all that decides the state after them: 16 hex digits.
        epochs: how many, at least 1.
        path: the folder of its files.
        threshold: from which cross entropy on, in nats, a branch's log counts a RoI as potentially
            noisy; it decides nothing of the state.
    """

    key: str
    epochs: int
    path: Path
    threshold: float

    @property
    def checkpoint(self) -> Path:
        """The state."""
        return self.path / "checkpoint.pth"

    @property
    def note(self) -> Path:
        """Its checksums; written last."""
        return self.path / "checkpoint.json"

    @property
    def log(self) -> Path:
        """The lines of the epochs, as a branch's log has them."""
        return self.path / f"log-{self.threshold!r}.jsonl"


class PrefixNote(TypedDict):
    """What `checkpoint.json` says.

    Attributes:
        key: of the prefix.
        run: the key of the run that left it.
        sha256: of the checkpoint.
        logs: SHA-256 of each log by its name.
    """

    key: str
    epochs: int
    run: str
    sha256: Digest
    logs: dict[str, Digest]


def read_prefix_note(prefix: Prefix) -> PrefixNote | None:
    """The prefix's note; None if there is none of it, or it has no log for its threshold."""
    try:
        note = msgspec.json.decode(prefix.note.read_bytes(), type=PrefixNote)
    except (OSError, msgspec.MsgspecError):
        return None
    is_its = note["key"] == prefix.key and note["epochs"] == prefix.epochs
    return note if is_its and prefix.log.name in note["logs"] else None


def prefix_ready(prefix: Prefix) -> bool:
    """Whether a branch can begin from it now; checksums are looked at when it does."""
    return (
        read_prefix_note(prefix) is not None
        and prefix.checkpoint.is_file()
        and prefix.log.is_file()
    )
