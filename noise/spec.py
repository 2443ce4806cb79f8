"""What noise to apply: an ordered list of steps with a seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from noisyseg.errors import InputError, unknown_name
from noisyseg.files import canonical_json
from noisyseg.located_yaml import place_of, plain
from noisyseg.noise.types.parameters import REQUIRED, Place, resolved_only
from noisyseg.noise.types.registry import noise_type

MAX_NOISE_SEED = 2**64 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseStep:
    """One type of noise with every parameter; made by `parse_steps` or `make_step`.

    Attributes:
        type: a name of `known_names`.
        parameters: every one of the type's, parsed; a `Loaded` one stands for a file's content.
    """

    type: str
    parameters: Mapping[str, Any]

    def resolved(self) -> dict[str, Any]:
        """The step with version and parameters as JSON-able data; see `Parameter.later`."""
        kind = noise_type(self.type)
        stated = {
            key: value
            for key, value in resolved_only(self.parameters).items()
            if not (kind.parameters[key].later and value == kind.parameters[key].default)
        }
        own = {} if kind.origin is None else {"file_sha256": kind.origin.file_sha256}
        return {"type": self.type, "version": kind.version, **own, **stated}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NoiseStep) and self.resolved() == other.resolved()

    def __hash__(self) -> int:
        return hash(canonical_json(self.resolved()))


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseSpec:
    """Everything, beside the annotations, that the noisy annotations depend on.

    Attributes:
        steps: applied in this order, each to what the one before left; at least one.
        seed: noise seed in [0, 2^64).

    Raises:
        InputError: no step, or a seed out of range.
    """

    steps: tuple[NoiseStep, ...]
    seed: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        if not self.steps:
            raise InputError("a noise spec needs at least one step; clean runs have no noise spec.")
        is_integer = isinstance(self.seed, int) and not isinstance(self.seed, bool)
        if not is_integer or not 0 <= self.seed <= MAX_NOISE_SEED:
            raise InputError(
                f"a noise seed must be an integer from 0 to 2^64-1, got {self.seed!r}."
            )

    def resolved(self) -> dict[str, Any]:
        """The spec as JSON-able data with nothing left to default: what enters the run key."""
        return {"seed": self.seed, "steps": [step.resolved() for step in self.steps]}


def make_step(
    type: str,
    *,
    classes: Sequence[str],
    where: str = "noise",
    base: Path = Path(),
    **parameters: Any,
) -> NoiseStep:
    """A step from its parameters.

    Args:
        type: a name of `known_names`.
        classes: names of the classes, in order.
        where: what to call the step in messages.
        base: folder that relative paths start from.
        parameters: the type's, and `preset` where it has presets.

    Raises:
        InputError: as `parse_steps`.
    """
    place = Place(where=where, base=base, classes=classes)
    return _parse_step({"type": type, **parameters}, place)


def parse_steps(
    raw: Any, classes: Sequence[str], where: str, base: Path = Path()
) -> tuple[NoiseStep, ...]:
    """The steps that plain YAML data stand for: one mapping, or a list of them in order.

    Args:
        raw: e.g. {type: symmetric, rate: 0.4} or {type: asymmetric, rate: 0.2, map: voc}; with
            `preset: mid`, a type's preset values stand for those not given.
        classes: the run's classes, in order.
        where: the place that `raw` came from, for messages; a mapping that was read from a file
            knows it better.
        base: folder that relative paths in it start from.

    Raises:
        InputError: whatever is not such data, with its place.
    """
    if isinstance(raw, dict):
        return (_parse_step(raw, Place(where=where, base=base, classes=classes)),)
    if not isinstance(raw, list) or not raw:
        raise InputError(
            f"{where}: noise must be a mapping such as {{type: symmetric, rate: 0.4}} or a list of "
            f"them, got {raw!r}."
        )
    place = Place(where=where, base=base, classes=classes)
    return tuple(
        _parse_step(entry, place, step=f", step {number}")
        for number, entry in enumerate(raw, start=1)
    )


def _parse_step(raw: Any, place: Place, *, step: str = "") -> NoiseStep:
    """The step that data stand for; `step` is its number, if it is one of a list."""
    where = place_of(raw, place.where) + step
    if not isinstance(raw, dict):
        raise InputError(
            f"{where}: a noise step must be a mapping such as {{type: symmetric, rate: 0.4}}, "
            f"got {raw!r}."
        )
    if "type" not in raw:
        raise InputError(f"{where}: a noise step needs 'type', got {raw!r}.")

    def spot(key: str) -> str:
        return place_of(raw, place.where, key) + step

    name = raw["type"]
    kind = noise_type(name, spot("type"))
    keys = ("type", *kind.parameters, *(("preset",) if kind.presets else ()))
    for key in raw:
        if key not in keys:
            raise unknown_name(f"key of {name} noise", key, keys, spot(key))
    if len(place.classes) < kind.family.least_classes:
        raise InputError(
            f"{where}: {name} noise needs at least two classes, got {len(place.classes)}."
        )
    given = {**_preset(raw, kind.presets, name, spot("preset")), **raw}
    parameters: dict[str, Any] = {}
    for key, parameter in kind.parameters.items():
        if key in given:
            at = replace(place, where=f"{spot(key)}, {key}")
            with kind.faults_told():
                parameters[key] = parameter.parse(plain(given[key]), at)
        elif parameter.default is REQUIRED:
            presets = [preset for preset, values in kind.presets.items() if key in values]
            hint = f" or a preset ({', '.join(presets)})" if presets else ""
            raise InputError(f"{where}: {name} noise needs {key!r}{hint}, got {raw!r}.")
        else:
            parameters[key] = parameter.default
    with kind.faults_told():
        settled = kind.finish(parameters, replace(place, where=where))
    return NoiseStep(type=name, parameters=settled)


def _preset(
    raw: Mapping[str, Any], presets: Mapping[str, Mapping[str, Any]], name: str, where: str
) -> Mapping[str, Any]:
    if "preset" not in raw:
        return {}
    preset = raw["preset"]
    if not isinstance(preset, str) or preset not in presets:
        raise unknown_name(f"preset of {name} noise", preset, presets, where)
    return presets[preset]
