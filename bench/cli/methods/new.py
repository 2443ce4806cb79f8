"""`noisyseg methods new`: a file with a method to begin with."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.cli.new_file import check_name, write_new
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.methods.plugins import installed_names
from noisyseg.methods.registry import TAKEN

EXAMPLE = "noisyseg methods new my_loss"
_USED = ("paper", "log_probabilities", "of_labels")


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The method's name and its file."""

    name: str
    write: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("name", metavar="NAME", help="of the method, as a Python function has it")
    parser.add_argument(
        "--write", type=Path, metavar="FILE.py", help="the file to write (default: NAME.py here)"
    )


def run(options: Options) -> int:
    """Write a file with a method that passes `methods check`, to be changed.

    Raises:
        InputError: a name that will not do, a file that is there.
    """
    name = options.name
    check_name(name, "method", taken=[*TAKEN, *installed_names()], used=_USED)
    file = options.write or Path(f"{name}.py")
    write_new(file, "method.py.j2", name=name)
    print_text(f"{file}: a method to begin with. Next:")
    print_text(f"  noisyseg methods check {file}:{name}")
    print_text(f"  noisyseg run quick --methods ce,{name} --method-file {file}:{name}")
    return DONE
