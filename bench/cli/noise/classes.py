"""`noise make --classes`: the short way to write that all other classes are exempt."""

from collections.abc import Mapping, Sequence
from typing import Any

from noisyseg.errors import InputError, unknown_name
from noisyseg.located_yaml import Located
from noisyseg.noise.types.registry import known_names, noise_type


def only_among(raw: Any, wanted: Sequence[str], classes: Sequence[str]) -> Any:
    """Raw noise steps in which every class but the wanted ones is exempt.

    Args:
        raw: what `noise.spec.parse_steps` takes; what it would refuse is left for it to refuse.
        wanted: names of some of the classes.
        classes: names of all.

    Raises:
        InputError: a name that is none or stands twice, or a step that is not about classes.
    """
    for name in wanted:
        if name not in classes:
            raise unknown_name("class", name, classes, "--classes")
    if not wanted or len(set(wanted)) < len(wanted):
        raise InputError(f"--classes: wanted different names of classes, got {', '.join(wanted)}.")
    others = [name for name in classes if name not in wanted]
    if isinstance(raw, list):
        return [_with_exempt(step, others) for step in raw]
    return _with_exempt(raw, others)


def _with_exempt(step: Any, others: Sequence[str]) -> Any:
    kind = step.get("type") if isinstance(step, Mapping) else None
    if not isinstance(kind, str) or kind not in known_names():
        return step
    if "exempt" not in noise_type(kind).parameters:
        raise InputError(
            f"--classes is about labels, which {kind} noise does not change: leave it out, or "
            "write `exempt` in those steps of a --spec that change labels."
        )
    own = step.get("exempt", [])
    if not isinstance(own, list):
        return step
    exempt = {**step, "exempt": [*own, *(name for name in others if name not in own)]}
    return step.with_values(exempt) if isinstance(step, Located) else exempt
