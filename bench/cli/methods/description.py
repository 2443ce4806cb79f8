"""What lists of methods and a method's own page both say of a method."""

import json
from dataclasses import asdict
from typing import Any

from noisyseg.methods.method import ResolvedMethod, Value
from noisyseg.methods.registry import aliases


def described(method: ResolvedMethod) -> dict[str, Any]:
    """What `--json` prints of a method."""
    beginning = method.method.begins_as
    return {
        **method.spec(),
        "aliases": aliases(method.name),
        "needs": list(method.needs),
        "begins_as": None if beginning is None else asdict(beginning),
        "summary": method.method.summary,
        "paper": method.method.paper,
        "origin": method.method.origin,
    }


def value_text(value: Value) -> str:
    """As a suite's file has it."""
    if isinstance(value, bool):
        return json.dumps(value)
    return value if isinstance(value, str) else f"{value:g}"
