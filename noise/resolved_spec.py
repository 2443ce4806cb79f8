"""A noise spec from what a manifest or a run's record says of it."""

import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from noisyseg.errors import InputError
from noisyseg.files import canonical_json
from noisyseg.noise.spec import NoiseSpec, NoiseStep
from noisyseg.noise.types.parameters import Loaded, Parameter, Place
from noisyseg.noise.types.registry import made_by


def spec_from_resolved(
    data: Any, where: str, files: Mapping[str, Loaded] | None = None
) -> NoiseSpec:
    """The spec that a manifest holds.

    Args:
        data: as `NoiseSpec.resolved` gave it.
        where: the manifest, for messages.
        files: for a parameter that was read from a file (`Parameter.from_file`), by its name, what
            its `parse` makes of that file.

    Raises:
        InputError: not such data, another version of a type, or a file's content that is absent
            or another one.
    """
    try:
        seed, entries = data["seed"], [dict(entry) for entry in data["steps"]]
        heads = [(entry.pop("type"), entry.pop("version")) for entry in entries]
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(f"{where}: it holds no noise spec: {error!r}.") from error
    steps = tuple(
        _resolved_step(name, version, entry, where, files or {})
        for (name, version), entry in zip(heads, entries, strict=True)
    )
    return NoiseSpec(steps=steps, seed=seed)


def _resolved_step(
    name: Any, version: Any, entry: dict[str, Any], where: str, files: Mapping[str, Loaded]
) -> NoiseStep:
    kind = made_by(name, entry.pop("file_sha256", None), where)
    if version != kind.version:
        raise InputError(
            f"{where}: made by version {version} of {name} noise, this noisyseg makes version "
            f"{kind.version}: install the noisyseg that made it."
        )
    optional = {key for key, parameter in kind.parameters.items() if parameter.later}
    if set(entry) | optional != set(kind.parameters):
        raise InputError(
            f"{where}: {name} noise has the parameters {', '.join(kind.parameters)}, these are "
            f"{', '.join(map(str, entry))}: the spec was edited."
        )
    parameters = {
        key: _resolved_value(key, entry[key], parameter, where, files)
        if key in entry
        else parameter.default
        for key, parameter in kind.parameters.items()
    }
    return NoiseStep(type=name, parameters=parameters)


def _resolved_value(
    key: str, value: Any, parameter: Parameter, where: str, files: Mapping[str, Loaded]
) -> Any:
    if parameter.from_file:
        if key not in files:
            raise InputError(
                f"{where}: made with a file of {key}, which it does not hold: give it ({value})."
            )
        if files[key].resolved != value:
            raise InputError(f"{where}: made with another file of {key}: {value}.")
        return files[key]
    # Whether the annotation file has these classes is a question for when the step is applied.
    place = Place(where=f"{where}, {key}", base=Path(), classes=_names_in(value))
    # By bytes: 1 and 1.0 are one number, but not one noisy file's manifest.
    parsed = canonical_json(parameter.parse(value, place))
    if parsed != canonical_json(value) or (parameter.later and value == parameter.default):
        raise InputError(f"{where}, {key}: {reprlib.repr(value)} is no resolved value: an edit?")
    return value


def _names_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        inner = value.get("classes")
        value = inner if isinstance(inner, list) else [*value, *value.values()]
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
