"""Class maps: which class asymmetric noise turns into which, shipped or of the user's own."""

import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from noisyseg.errors import InputError, unknown_name
from noisyseg.located_yaml import parse_yaml, plain

_MAPS_FOLDER = Path(__file__).with_name("maps")
SHIPPED_MAPS: tuple[str, ...] = tuple(sorted(file.stem for file in _MAPS_FOLDER.glob("*.yaml")))

# Not a map of names but the authors' scripts' groups of category ids (see class_noise).
COCO_GROUPS = "coco"


def load_map(value: Any, classes: Sequence[str], where: str, base: Path) -> dict[str, str]:
    """The map {source class: target class} that a step's `map` stands for.

    Args:
        value: a mapping, the name of a shipped map, or the path of a YAML file. A shipped name wins
            over a file of that name; write ./NAME for the file.
        classes: the run's classes; the map may name no other.
        where: the place that `value` came from, for messages, e.g. "suite.yaml, line 9, map".
        base: folder that a relative path starts from.

    Raises:
        InputError: none of the three, an unreadable file, or a map that does not fit the classes.
    """
    if isinstance(value, str):
        file = _map_file(value, where, base)
        where = f"{where} {file.name if value in SHIPPED_MAPS else file}"
        value = _read_map(file, where)
    if not isinstance(value, dict) or not value:
        raise InputError(
            f"{where}: a class map must be a non-empty mapping such as {{cat: dog}}, the name of a "
            f"shipped map ({', '.join(SHIPPED_MAPS)}) or the path of a YAML file, got "
            f"{reprlib.repr(value)}."
        )
    _check_names(value, classes, where)
    return value


def _map_file(value: str, where: str, base: Path) -> Path:
    if value in SHIPPED_MAPS:
        return _MAPS_FOLDER / f"{value}.yaml"
    file = base / value
    looks_like_path = file.suffix in (".yaml", ".yml") or len(Path(value).parts) > 1
    if not looks_like_path and not file.exists():
        raise unknown_name("class map", value, (*SHIPPED_MAPS, COCO_GROUPS), where)
    return file


def _read_map(file: Path, where: str) -> Any:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{where}: cannot read the class map: {error.strerror}. A relative path starts from "
            f"the folder of the file that names it."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: the class map is not UTF-8 text.") from error
    return plain(parse_yaml(text, where))


def _check_names(pairs: dict[Any, Any], classes: Sequence[str], where: str) -> None:
    names = [name for pair in pairs.items() for name in pair]
    not_text = [name for name in names if not isinstance(name, str)]
    if not_text:
        raise InputError(
            f"{where}: a class map pairs names of classes, got {not_text[0]!r}: put it in quotes "
            f"if it is a name, and give each source one target."
        )
    absent = list(dict.fromkeys(name for name in names if name not in classes))
    if absent:
        raise InputError(
            f"{where}: the class map names {', '.join(map(repr, absent))}, which this run does not "
            f"train. Its classes: {', '.join(classes)}. Leave those pairs out or add the classes."
        )
    for source, target in pairs.items():
        if source == target:
            raise InputError(
                f"{where}: the class map turns {source!r} into itself: leave it out, or name "
                f"another class."
            )
