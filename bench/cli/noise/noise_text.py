"""What the `noise` commands print, as text."""

import json
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from noisyseg.bench.runs.confusion_step import CONFUSION, IN_PLACE_OF_MATRIX
from noisyseg.noise.diff import Difference
from noisyseg.noise.types.parameters import REQUIRED, Parameter
from noisyseg.noise.types.registry import NOISE_TYPES
from noisyseg.text_lines import wrapped

# What a step's report calls the number of annotations that it changed.
_CHANGED = ("flipped", "changed", "removed", "added")
_LISTED = 20
_FEW_MATCHED = (
    "less than half of them were matched, and what follows is of these alone: are these the same "
    "images under the same names, and the objects where they were?"
)
_NOTHING_MATCHED = {
    "id": "no annotation has the same id in both files, crowds aside: --match iou matches the rest "
    "by their masks",
    "iou": "no two masks overlap enough to be of one object: --min-iou says how much is enough",
}


def step_line(entry: Mapping[str, Any]) -> str:
    """A step's rates, from its report in the manifest."""
    changed = next((key for key in _CHANGED if key in entry), None)
    eligible, foreseen = entry.get("eligible"), entry.get("expected_flips")
    parts = [f"intended {_percent(entry.get('intended_rate'))}"]
    if foreseen is not None and eligible:
        parts.append(f"expected {_percent(foreseen / eligible)}")
    interval = _interval(entry.get("rate_of_eligible_interval"))
    parts.append(f"realised {_percent(entry.get('rate_of_eligible'))}{interval}")
    numbers = f"; {entry[changed]} {changed} of {eligible} eligible" if changed else ""
    of_all = entry.get("rate_of_all")
    share = f"; {_percent(of_all)} of all" if of_all != entry.get("rate_of_eligible") else ""
    return f"{entry['type']}: {', '.join(parts)}{numbers}{share}"


def changes_line(numbers: Mapping[str, int]) -> str:
    """What changed in all, from a manifest's `annotations`."""
    kinds = ("class_changed", "geometry_changed", "removed", "added")
    counts = ", ".join(f"{numbers[kind]} {kind.replace('_', ' ')}" for kind in kinds)
    return f"annotations: {numbers['clean']} clean, {numbers['noisy']} noisy: {counts}"


def difference_lines(difference: Difference) -> list[str]:
    """A difference for a person: numbers, a table of classes, the first changes."""
    lines = [
        f"annotations: {difference.before} before, {difference.after} after; "
        f"{difference.matched} matched by {difference.match}"
        f"{'' if difference.crowds_counted else '; crowds not counted'}",
        f"images: {difference.images} of {difference.images} matched by {difference.images_by}",
        f"class changed: {len(difference.class_changes)}; class noise rate "
        f"{_percent(difference.rate)}{_interval(difference.interval)}",
        f"shape changed: {len(difference.geometry_changes)}",
        f"removed: {len(difference.removed)}",
        f"added: {len(difference.added)}",
    ]
    if not difference.matched and difference.before and difference.after:
        lines.append(_NOTHING_MATCHED[difference.match])
    elif 2 * difference.matched < min(difference.before, difference.after):
        lines.append(_FEW_MATCHED)
    lines += _class_lines(difference)
    changes = difference.class_changes
    for change in changes[:_LISTED]:
        number = str(change.before_id)
        if change.after_id != change.before_id:
            number += f" (after: {change.after_id})"
        lines.append(f"annotation {number}: {change.before} -> {change.after}")
    if len(changes) > _LISTED:
        lines.append(f"and {len(changes) - _LISTED} more: --json has all of them, and the matrix")
    return lines


def _class_lines(difference: Difference) -> list[str]:
    entries = [e for e in difference.classes if e.before or e.after]
    width = max([len(entry.name) for entry in entries] + [5])
    heads = ("before", "after", "changed", "rate", "removed", "added")
    lines = [f"{'class':{width}}" + "".join(f"{head:>10}" for head in heads)]
    for e in entries:
        cells = (e.before, e.after, e.changed, _percent(e.rate), e.removed, e.added)
        lines.append(f"{e.name:{width}}" + "".join(f"{cell:>10}" for cell in cells))
    return lines


def type_entry(name: str) -> dict[str, Any]:
    """A type of noise as JSON-able data."""
    kind = NOISE_TYPES[name]
    parameters = {key: _parameter_entry(value) for key, value in kind.parameters.items()}
    if name == CONFUSION:
        for key, summary in IN_PLACE_OF_MATRIX.items():
            parameters[key] = {"summary": summary, "required": False}
    return {
        "name": kind.name,
        "version": kind.version,
        "family": kind.family.name,
        "summary": kind.summary,
        "source": kind.source,
        "differs": kind.differs,
        "parameters": parameters,
        "presets": {preset: dict(values) for preset, values in kind.presets.items()},
    }


def _parameter_entry(parameter: Parameter) -> dict[str, Any]:
    required = parameter.default is REQUIRED
    default = {} if required else {"default": parameter.default}
    return {"summary": parameter.summary, "required": required, **default}


def type_lines(entry: Mapping[str, Any]) -> list[str]:
    """The same for a person."""
    lines = [f"{entry['name']} ({entry['family']}): {entry['summary']}. {entry['source']}"]
    inner = "    "
    if entry["differs"]:
        told = f"differs from the source: {entry['differs']}"
        lines += wrap(told, width=100, initial_indent=inner, subsequent_indent="        ")
    for key, parameter in entry["parameters"].items():
        default = parameter.get("default")
        value = "" if parameter["required"] or default is None else f" = {json.dumps(default)}"
        lines.append(f"{inner}{key}{value}: {parameter['summary']}")
    for preset, values in entry["presets"].items():
        shown = ", ".join(f"{key} {value}" for key, value in values.items())
        lines.append(f"{inner}preset {preset}: {shown}")
    return [part for line in lines for part in wrapped(line, hanging=2 * inner)]


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{100 * share:.1f} %"


def _interval(limits: Sequence[float] | None) -> str:
    if limits is None:
        return ""
    return f" (95 % interval {100 * limits[0]:.1f} – {100 * limits[1]:.1f} %)"
