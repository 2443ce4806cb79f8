"""What happened to a store's runs, and when: `events.jsonl`, a line an event.

Every driver on a store appends to the one file; a line is one write, so that lines stay whole.
"""

import json
import os
import platform
import secrets
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

NAME = "events.jsonl"  # in the store


class Journal:
    """Appends what one driver sees.

    Args:
        root: of the store.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / NAME
        self._driver = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(2)}"

    def tell(self, event: str, **details: Any) -> None:
        """Add an event.

        Args:
            event: started, begun, branched, retried, ended, failed, stopped, held elsewhere, ended
                elsewhere, node lost, node joined, node not used, node awaited or finished.
            details: key, label, node, fault, message, …; None is left out.

        A story that cannot be written (a full disk) is no reason to stop what it tells of.
        """
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        known = {name: value for name, value in details.items() if value is not None}
        line = json.dumps({"time": now, "driver": self._driver, "event": event, **known})
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                os.write(file, f"{line}\n".encode())
            finally:
                os.close(file)
        except OSError:
            pass


def read_events(root: Path) -> Iterator[dict[str, Any]]:
    """The events of a store in order; none where it has no journal, torn lines left out."""
    try:
        with (root / NAME).open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict):
                    yield event
    except OSError:
        return
