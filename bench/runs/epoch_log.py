"""What a run's training came to, epoch by epoch: `log.jsonl` in its folder."""

import json
from pathlib import Path
from typing import Any

from noisyseg.files import write_atomically


class EpochLog:
    """`log.jsonl`: a line per epoch, without the epochs that a resumed run does again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[str] = []

    def start(self, epochs_done: int) -> None:
        """Keep the lines of the epochs that a checkpoint holds, as far as they are whole."""
        if epochs_done and self._path.is_file():
            lines = self._path.read_text(encoding="utf-8").splitlines()
            self._lines = lines[:epochs_done]
        self._write()

    def epoch(self, report: dict[str, Any]) -> None:
        """Add an epoch's line."""
        self._lines.append(json.dumps(report))
        self._write()

    def _write(self) -> None:
        write_atomically(self._path, "".join(f"{line}\n" for line in self._lines).encode())
