"""`noisyseg noise new`: a file with a type of noise to begin with."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.cli.new_file import check_name, write_new
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.noise.types.registry import known_names

EXAMPLE = "noisyseg noise new my_noise --family class"
_FAMILIES = ("class", "geometry", "removal", "addition")


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The type's name, its family and its file."""

    name: str
    family: str
    write: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "name", metavar="NAME", help="of the type; the file has it in capitals, as a constant"
    )
    parser.add_argument(
        "--family",
        choices=_FAMILIES,
        default=_FAMILIES[0],
        help="what the noise changes: labels, masks and boxes, or which annotations there are "
        "(default: class)",
    )
    parser.add_argument(
        "--write", type=Path, metavar="FILE.py", help="the file to write (default: NAME.py here)"
    )


def run(options: Options) -> int:
    """Write a file with a type of noise that passes `noise check`, to be changed.

    Raises:
        InputError: a name that will not do, a file that is there.
    """
    name, constant = options.name, options.name.upper()
    check_name(name, "noise type", taken=known_names(), used=())
    file = options.write or Path(f"{name}.py")
    template = f"noise_{options.family}.py.j2"
    write_new(file, template, name=name, constant=constant)
    print_text(f"{file}: a type of noise to begin with. Next:")
    print_text(f"  noisyseg noise check {file}:{constant}")
    print_text(
        f"  noisyseg noise make --annotations train.json --noise-file {file}:{constant} "
        f"--type {name} --rate 0.4 --seed 1 --out noisy.json"
    )
    return DONE
