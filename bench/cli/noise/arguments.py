"""Arguments that several of the `noise` commands take, and what is made of them."""

import argparse
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.arguments import add_noise_files, positive
from noisyseg.errors import InputError
from noisyseg.located_yaml import parse_yaml
from noisyseg.noise.types.parameters import Loaded, Place
from noisyseg.noise.types.registry import NOISE_TYPES, add_type_files


@dataclass(frozen=True, kw_only=True, slots=True)
class Making:
    """How noise is made again from a manifest."""

    scores: Path | None
    noise_files: list[str]
    workers: int

    def files(self) -> dict[str, Loaded]:
        """What a manifest holds of a file by its checksum alone; types of files are known then."""
        add_type_files(self.noise_files)
        if self.scores is None:
            return {}
        place = Place(where="--scores", base=Path(), classes=())
        parameter = NOISE_TYPES["instance-dependent"].parameters["scores"]
        return {"scores": parameter.parse(str(self.scores), place)}


def add_making(parser: argparse.ArgumentParser) -> None:
    """The arguments of `Making`."""
    parser.add_argument(
        "--scores",
        type=Path,
        metavar="FILE",
        help="the NPZ that instance-dependent noise was made with",
    )
    add_noise_files(parser)
    add_workers(parser)


def add_workers(parser: argparse.ArgumentParser) -> None:
    """The number of processes."""
    parser.add_argument(
        "--workers",
        type=positive,
        default=1,
        metavar="N",
        help="processes for mask noise; they do not change the result (default: 1)",
    )


def add_written(parser: argparse.ArgumentParser, metavar: str, summary: str) -> None:
    """The file that is written."""
    parser.add_argument("--out", type=Path, required=True, metavar=metavar, help=summary)


def add_match(parser: argparse.ArgumentParser) -> None:
    """What makes two annotations one object."""
    parser.add_argument(
        "--match",
        choices=("id", "iou"),
        default="id",
        help="what makes two annotations one object: their id or their masks (default: id)",
    )


def add_settings(parser: argparse.ArgumentParser, what: str) -> None:
    """Parameters of a type by name."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"{what}, its value in YAML, e.g. --set kernel=5; can be repeated",
    )


def settings(texts: Sequence[str]) -> dict[str, Any]:
    """KEY=VALUE texts as a mapping; values are YAML.

    Raises:
        InputError: another text, a key twice, or a value that is no YAML.
    """
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise InputError(f"--set {text}: wanted KEY=VALUE, such as --set kernel=5.")
        if key in found:
            raise InputError(f"--set {text}: {key} is given twice.")
        found[key] = parse_yaml(value, f"--set {reprlib.repr(text)}")
    return found
