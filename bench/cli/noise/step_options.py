"""Which options of `noise make` go with which type of noise, said where others were given."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from noisyseg.bench.runs.confusion_step import CONFUSION, IN_PLACE_OF_MATRIX
from noisyseg.errors import InputError
from noisyseg.located_yaml import parse_yaml
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.parameters import REQUIRED
from noisyseg.noise.types.registry import known_names, noise_type, usable_types

# Parameters with an option of their own, and what it takes; all others go by --set.
_OWN = {
    "rate": "--rate R",
    "preset": "--preset NAME",
    "map": "--map NAME|FILE",
    "matrix": "--matrix FILE",
    "convention": "--convention NAME",
    "scores": "--scores FILE",
    "predictions": "--predictions FILE",
    "annotations": "--reference FILE",
}


def unlisted_option(word: str) -> str | None:
    """What to write in place of a word that `noise make` does not know, if it names a parameter."""
    name, _, value = word.lstrip("-").partition("=")
    key = name.replace("-", "_")
    types = _types_with(key)
    if not types:
        return None
    right = f"--set {key}={value or 'VALUE'}"
    if key in _OWN:
        right = f"{_option(key)} {value}" if value else _OWN[key]
    return f"{key} is a parameter of {', '.join(types)} noise: {right}"


def check_options(step: Mapping[str, Any]) -> None:
    """Refuse what the type of noise does not have, and what it needs and was not given.

    Args:
        step: the parameters given, by name, and `type`.

    Raises:
        InputError: names the option that does it.
    """
    name = step["type"]
    right = name.lower().replace("_", "-")
    if name not in known_names() and right in known_names():
        raise InputError(f"--type: unknown noise type {name!r}: write it {right!r}.")
    kind = noise_type(name, "--type")
    known = _parameters(kind)
    for key in step.keys() - {"type", *known}:
        raise InputError(f"{_option(key)} is not for {name} noise, {_told(kind, key)}")
    for key in ("map", "matrix"):
        _check_file(key, step.get(key))
    if name == CONFUSION:
        _check_confusion(step)
        return
    if step.get("preset", "") not in ("", *kind.presets):
        return  # refused with the presets' names as the step is read
    preset = kind.presets.get(step.get("preset", ""), {})
    for key, parameter in kind.parameters.items():
        if parameter.default is REQUIRED and key not in step and key not in preset:
            other = f", or --preset {'|'.join(kind.presets)}" if _in_presets(kind, key) else ""
            raise InputError(
                f"{name} noise needs {_OWN.get(key, f'--set {key}=VALUE')} ({parameter.summary})"
                f"{other}."
            )


def _told(kind: NoiseType, key: str) -> str:
    """What the type has, and which types have what was given."""
    own = ", ".join(_OWN.get(known, f"--set {known}=…") for known in _parameters(kind))
    types = _types_with(key)
    elsewhere = f" {_option(key)} is for {', '.join(types)}." if types else ""
    law = (
        " (the matrix's rows say how often a class changes)" if "matrix" in kind.parameters else ""
    )
    return f"which takes {own}{law if key == 'rate' else ''}.{elsewhere}"


def _check_confusion(step: Mapping[str, Any]) -> None:
    """A matrix, or both of what stands in place of it; together they are refused as it is read."""
    given = {"predictions", "annotations"} & step.keys()
    if len(given) == 1 or not given | {"matrix"} & step.keys():
        raise InputError(
            "confusion noise needs --predictions FILE (a run's predictions.json.zst) and "
            "--reference FILE (the annotations that it was evaluated on), or --matrix FILE."
        )


def _check_file(key: str, value: Any) -> None:
    """Refuse a map or a matrix that is written out where a file is wanted."""
    if not isinstance(value, str) or _is_there(value):
        return
    if value.lstrip().startswith("[") and key == "matrix":
        raise InputError(
            f"--matrix {value}: wanted a file: put the rows into one, such as T.csv, or name the "
            "classes: --set 'matrix={cat: {cat: 0.9, dog: 0.1}, dog: {dog: 1}}'."
        )
    pairs = _written_out(value)
    if pairs is not None:
        what = "the name of a shipped map or a file" if key == "map" else "a file"
        raise InputError(
            f"--{key} {value}: wanted {what}; what is written out goes by --set: "
            f"--set '{key}={pairs}'."
        )


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # too long for a file's name
        return False


def _written_out(value: str) -> str | None:
    """A mapping in a shell's word, as YAML: {cat: dog}, cat: dog and cat=dog,dog=cat are ones."""
    text = value.strip()
    if not text.startswith("{"):
        separator = ":" if ":" in text else "="
        cells = [part.partition(separator) for part in text.split(",")]
        if not all(left.strip() and found and right.strip() for left, found, right in cells):
            return None
        if separator == ":" and not all(right.startswith(" ") for _, _, right in cells):
            return None  # a path such as C:map.yaml
        return "{" + ", ".join(f"{left.strip()}: {right.strip()}" for left, _, right in cells) + "}"
    try:
        return text if isinstance(parse_yaml(text, "the map"), dict) else None
    except InputError:
        return text


def _parameters(kind: NoiseType) -> list[str]:
    names: Iterable[str] = kind.parameters
    own = [*names, *(("preset",) if kind.presets else ())]
    return [*own, *IN_PLACE_OF_MATRIX] if kind.name == CONFUSION else own


def _types_with(key: str) -> list[str]:
    return [name for name, kind in usable_types().items() if key in _parameters(kind)]


def _in_presets(kind: NoiseType, key: str) -> bool:
    return any(key in values for values in kind.presets.values())


def _option(key: str) -> str:
    return _OWN[key].split()[0] if key in _OWN else f"--set {key}"
