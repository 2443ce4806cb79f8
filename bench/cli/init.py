"""`noisyseg init`: from a folder of somebody's data to a suite file that runs."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from noisyseg.bench.cli.output import DONE, print_text, say_warnings
from noisyseg.bench.config.shipped import is_file
from noisyseg.errors import InputError
from noisyseg.files import refuse_special_files, write_atomically

if TYPE_CHECKING:
    from noisyseg.bench.first_suite.proposal import Proposal

EXAMPLE = "noisyseg init my-data"
_DEVICES = ("cpu", "gpu")
_SUFFIX = ".yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """A folder, and what somebody knows better than what would be found in it.

    Attributes:
        train, eval: annotation files.
        train_images, eval_images: folders that the files' names start from.
        name: of the suite; None: the folder's.
        write: the suite's file; None: NAME.yaml in the working folder.
        device: that the runs will have; None: what this machine has.
    """

    folder: Path
    train: Path | None
    eval: Path | None
    train_images: Path | None
    eval_images: Path | None
    name: str | None
    write: Path | None
    device: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.description = (
        "Write a suite file for data in COCO's format: files and images found or named, classes "
        "counted, a protocol and a model for this machine, noise with pairs of classes proposed."
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of annotations and images")
    for part, what in (("train", "to train on"), ("eval", "to evaluate on")):
        parser.add_argument(
            f"--{part}",
            type=Path,
            metavar="FILE",
            help=f"the annotation file {what} (default: found by its name and content)",
        )
    for part in ("train", "eval"):
        parser.add_argument(
            f"--{part}-images",
            type=Path,
            metavar="FOLDER",
            help=f"where the file names of --{part} start (default: found)",
        )
    parser.add_argument("--name", metavar="NAME", help="of the suite (default: the folder's)")
    parser.add_argument(
        "--write",
        type=Path,
        metavar="SUITE.yaml",
        help="the file to write (default: NAME.yaml here); one that is there is never overwritten",
    )
    parser.add_argument(
        "--device", choices=_DEVICES, help="what runs will have (default: what is here)"
    )


def run(options: Options) -> int:
    """Look at a folder of data, and write a suite that trains on it.

    Raises:
        InputError: no such data, or several that may be meant; a file that is there.
    """
    # Imported here: --help need not wait for what reads images.
    from noisyseg.bench.first_suite.proposal import name_of
    from noisyseg.bench.first_suite.suite_text import suite_text

    name = options.name or name_of(options.folder)
    file = options.write or Path(f"{name}{_SUFFIX}")
    _check_name(name)
    _check_file(file)
    proposal = _proposal(options, name)
    say_warnings(proposal.warnings)
    write_atomically(file, suite_text(proposal, file).encode())
    print_text("\n".join(_told(proposal, file)))
    return DONE


def _proposal(options: Options, name: str) -> "Proposal":
    from noisyseg.bench.first_suite.machine import device_here
    from noisyseg.bench.first_suite.parts import Wanted, choose_parts
    from noisyseg.bench.first_suite.proposal import Part, found_images, propose
    from noisyseg.bench.first_suite.survey import survey

    parts = choose_parts(options.folder, Wanted(train=options.train, eval=options.eval))
    assert parts.eval is not None
    halves = []
    for path, images in ((parts.train, options.train_images), (parts.eval, options.eval_images)):
        looked = survey(path)
        halves.append(Part(survey=looked, images=found_images(looked, parts, images).folder))
    device = options.device or device_here()
    return propose(name, *halves, device=device, spared=parts.spared)


def _check_name(name: str) -> None:
    fits = len(name) <= 100 and name == name.strip() and name and not name.startswith(".")
    if not fits or any(c in "/\\" or not c.isprintable() for c in name):
        raise InputError(
            "--name: it names files and folders: wanted at most 100 visible characters without / "
            f"and \\, not starting with a point, got {name!r}."
        )


def _check_file(file: Path) -> None:
    if not is_file(file.name):
        raise InputError(f"--write: a suite's file ends in .yaml, got {file}.")
    refuse_special_files([file])
    if file.exists():
        raise InputError(f"{file} is there already: move it away, or say --write OTHER.yaml.")


def _told(proposal: "Proposal", file: Path) -> list[str]:
    from noisyseg.bench.first_suite.suite_text import runs_of

    train, evaluation = proposal.train, proposal.eval
    return [
        f"train: {train.survey.path}, {len(train.survey.images)} images in {train.images}",
        f"eval:  {evaluation.survey.path}, {len(evaluation.survey.images)} images in "
        f"{evaluation.images}",
        f"{file}: {len(proposal.classes)} classes, {runs_of(proposal)} runs. Next:",
        f"  noisyseg plan {file}",
        f"  noisyseg run {file} --rehearse",
        f"  noisyseg run {file}",
    ]
