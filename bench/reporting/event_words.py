"""A store's journal in words, a line an event."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from noisyseg.text_lines import printable

_WORDS = {
    "started": "started",
    "waiting": "waits",
    "begun": "begun",
    "resumed": "goes on from its checkpoint",
    "branched": "goes on from another run's training",
    "ended": "done",
    "failed": "FAILED",
    "retried": "is tried again",
    "held elsewhere": "is held by another driver",
    "ended elsewhere": "was ended by another driver",
    "node lost": "node lost",
    "node joined": "node joined",
    "stopped": "stopped",
    "finished": "finished",
}
_PARTS = {"time", "driver", "event", "key", "label", "node", "fault", "message"}


def event_line(event: Mapping[str, Any]) -> str:
    """When, by which driver, which run and what: `2026-03-01 12:00:00  head-17  ce · clean: done`.

    An event of a later noisyseg is told by its name; details that have no words stand at the end.
    """
    what = str(event.get("event", "unknown event"))
    subject = event.get("label") or event.get("key")
    words = _WORDS.get(what, what)
    text = f"{subject}: {words}" if subject else words
    if event.get("node"):
        text += f" {event['node']}" if what.startswith("node ") else f" on {event['node']}"
    if event.get("fault"):
        text += f" ({event['fault']})"
    if event.get("message"):
        text += f": {' '.join(str(event['message']).split())}"
    others = [f"{name} {value}" for name, value in event.items() if name not in _PARTS]
    text += f" [{', '.join(others)}]" if others else ""
    line = f"{_local(event.get('time'))}  {event.get('driver', '?')}  {text}"
    return printable(line)


def _local(time: object) -> str:
    """An ISO time as this machine's clock shows it; what is none as it stands."""
    try:
        told = datetime.fromisoformat(str(time).replace("Z", "+00:00"))
    except ValueError:
        return str(time)
    return told.astimezone().strftime("%Y-%m-%d %H:%M:%S")
