"""What the schema of an entry leaves open: metrics, card, noise, draws, and texts of strangers.

The entries here are `entry.Entry`, which reads them by these checks.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from noisyseg.errors import InputError, placed
from noisyseg.files import canonical_json
from noisyseg.results.leaderboard.card import parse_card
from noisyseg.results.leaderboard.entry_draws import decoded_draws
from noisyseg.results.leaderboard.text import checked_text
from noisyseg.results.records.metrics import METRICS

LOGGED = ("memorised", "recovered")
"""Metrics that a run may have beside those of METRICS: what its log says became of wrong labels
(`results.statistics.fates`). No check can compute them again."""
_LONGEST_TEXT = 5000


def check_metrics(entry: Any) -> None:
    """Hold the names of the runs' metrics against this noisyseg's.

    Raises:
        InputError: others.
    """
    for label, setting in entry.settings.items():
        for run in setting.runs:
            if run.metrics.keys() - {*LOGGED} != METRICS.keys():
                other = min((run.metrics.keys() - {*LOGGED}) ^ METRICS.keys())
                raise InputError(
                    f"settings.{label}, run {run.key}: wanted the metrics of this "
                    f"noisyseg, got others ({other!r}). Verify its bundle again."
                )


def check_content(entry: Any) -> None:
    """Hold what the schema leaves open: card, noise, draws and texts.

    Raises:
        InputError: what is wrong, and where in the entry.
    """
    parse_card(canonical_json(entry.card), "card")
    if not entry.settings and entry.kind != "reported":
        raise InputError("settings: wanted at least one, got none")
    for label, setting in entry.settings.items():
        with placed(f"settings.{label[:100]!r}"):
            _check_noise(setting.noise)
            for run in setting.runs:
                if run.draws is not None:
                    decoded_draws(run.draws)
    for text in _texts(entry):
        checked_text(text, "a text", _LONGEST_TEXT)


def _check_noise(noise: dict[str, Any] | None) -> None:
    steps = [] if noise is None else noise.get("steps")
    named = isinstance(steps, list) and all(
        isinstance(step, dict) and isinstance(step.get("type"), str) for step in steps
    )
    if not named or (noise is not None and len(noise) > 1):
        raise InputError("noise: wanted null or {steps: [{type: …}, …]}")


def _texts(entry: Any) -> set[str]:
    """All texts of an entry that are shown but those of its schema, each once; empty ones not."""
    plain = msgspec.structs.asdict(entry) | {"settings": list(entry.settings)}
    found = {text for part in plain.values() for text in _within(msgspec.to_builtins(part))}
    for setting in entry.settings.values():
        found.update(_within(setting.noise))
        for run in setting.runs:
            found.update(run.per_class, run.checksums, [run.finished or ""])
    return found - {""}


def _within(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            yield from _within(entry)
