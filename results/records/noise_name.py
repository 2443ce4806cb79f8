"""How lists, tables and pages call a run's noise."""

from collections.abc import Mapping
from typing import Any


def noise_name(noise: Mapping[str, Any] | None) -> str:
    """A run's noise from its spec: symmetric-0.4, or matrix+missing-0.1, or clean."""
    if noise is None:
        return "clean"
    return "+".join(
        f"{step['type']}-{step['rate']:g}" if "rate" in step else step["type"]
        for step in noise["steps"]
    )
