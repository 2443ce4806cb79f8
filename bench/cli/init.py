"""`noisyseg init`: from a folder of somebody's data to a suite file that runs."""

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from noisyseg.bench.cli.output import DONE, print_text, say_warnings
from noisyseg.bench.config.shipped import is_file
from noisyseg.errors import InputError
from noisyseg.files import refuse_special_files, write_together

if TYPE_CHECKING:
    from noisyseg.bench.first_suite.proposal import Proposal

EXAMPLE = "noisyseg init my-data"
_DEVICES = ("cpu", "gpu")
_SUFFIX = ".yaml"
_MOST_HELD_OUT = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """A folder, and what somebody knows better than what would be found in it.

    Attributes:
        train, eval: annotation files.
        train_images, eval_images: folders that the files' names start from.
        hold_out: the share of the training file's images that is evaluated on; None: of another
            file.
        name: of the suite; None: the folder's.
        write: the suite's file; None: NAME.yaml in the working folder.
        device: that the runs will have; None: what this machine has.
    """

    folder: Path
    train: Path | None
    eval: Path | None
    train_images: Path | None
    eval_images: Path | None
    hold_out: float | None
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
    parser.add_argument(
        "--hold-out",
        type=_share,
        metavar="SHARE",
        help="evaluate on this share of the training file's images, such as 0.2, which are left "
        "out of training: two files are written beside the suite",
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
    if options.hold_out is not None and options.eval is not None:
        raise InputError(
            "--eval names the images to evaluate on, --hold-out takes others: say one."
        )
    proposal = _proposal(options, name, file)
    say_warnings(proposal.warnings)
    made = [
        (part.survey.path, part.content)
        for part in (proposal.train, proposal.eval)
        if part.content is not None
    ]
    for path, _ in made:
        _refuse_existing(path)
    made.append((file, suite_text(proposal, file).encode()))
    write_together([(path, partial(_blocks, content)) for path, content in made])
    print_text("\n".join(_told(proposal, file)))
    return DONE


def _proposal(options: Options, name: str, file: Path) -> "Proposal":
    from noisyseg.bench.first_suite.halves import ImageChoice, halves
    from noisyseg.bench.first_suite.machine import device_here
    from noisyseg.bench.first_suite.parts import Wanted, choose_parts
    from noisyseg.bench.first_suite.proposal import propose

    wanted = Wanted(train=options.train, eval=options.eval, held_out=options.hold_out is not None)
    parts = choose_parts(options.folder, wanted)
    choice = ImageChoice(
        train=options.train_images, eval=options.eval_images, share=options.hold_out
    )
    train, evaluation = halves(parts, choice, file)
    return propose(
        name,
        train,
        evaluation,
        device=options.device or device_here(),
        spared=parts.spared,
        held_out=wanted.held_out,
    )


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
    _refuse_existing(file)


def _refuse_existing(file: Path) -> None:
    refuse_special_files([file])
    if file.exists():
        raise InputError(f"{file} is there already: move it away, or say --write OTHER.yaml.")


def _blocks(content: bytes) -> tuple[bytes]:
    return (content,)


def _share(text: str) -> float:
    """A share of at most a half."""
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= _MOST_HELD_OUT:
        raise argparse.ArgumentTypeError(
            f"wanted a share of the images above 0 and up to {_MOST_HELD_OUT}, got {text!r}"
        )
    return share


def _told(proposal: "Proposal", file: Path) -> list[str]:
    from noisyseg.bench.first_suite.suite_text import runs_of

    train, evaluation, count = proposal.train, proposal.eval, len(proposal.classes)
    return [
        f"train: {train.survey.path}, {len(train.survey.images)} images in {train.images}",
        f"eval:  {evaluation.survey.path}, {len(evaluation.survey.images)} images in "
        f"{evaluation.images}",
        f"{file}: {count} class{'es' * (count != 1)}, {runs_of(proposal)} runs. Next:",
        f"  noisyseg plan {file}",
        f"  noisyseg run {file} --rehearse",
        f"  noisyseg run {file}",
    ]
