"""The parsers of the `noise` commands."""

import argparse
from pathlib import Path

from noisyseg.bench.cli.command_parser import CommandParser
from noisyseg.bench.cli.noise import noise_commands
from noisyseg.bench.cli.noise.noise_options import unlisted_option
from noisyseg.bench.cli.parsers import Subparsers, add_command, add_group, add_json, positive, whole


def add_noise(groups: Subparsers) -> None:
    """Add the group `noise` and its commands."""
    actions = add_group(
        groups,
        "noise",
        "make noisy annotation files, check and compare them",
        example="noisyseg noise list",
    )
    _add_make(actions)
    _add_verify(actions)
    _add_apply(actions)
    _add_invert(actions)
    _add_diff(actions)
    _add_report(actions)
    add_command(
        actions,
        "golden",
        noise_commands.check_golden,
        "check that this machine makes the shipped golden noise, byte for byte",
        example="noisyseg noise golden",
    )
    listing = add_command(
        actions,
        "list",
        noise_commands.types,
        "list the types of noise with parameters, presets and sources",
        example="noisyseg noise list",
    )
    add_json(listing)


def _add_make(actions: Subparsers) -> None:
    parser = add_command(
        actions,
        "make",
        noise_commands.make,
        "write a noisy annotation file and its manifest",
        example="noisyseg noise make --annotations train.json --type symmetric --rate 0.4 "
        "--seed 1 --out noisy.json",
    )
    if isinstance(parser, CommandParser):
        parser.hint = unlisted_option
    parser.add_argument(
        "--annotations",
        type=Path,
        required=True,
        metavar="CLEAN.json",
        help="COCO-format file to start from; its categories are the classes (see --classes)",
    )
    parser.add_argument("--type", metavar="NAME", help="see `noisyseg noise list`")
    parser.add_argument("--rate", type=_number, metavar="R", help="noise rate from 0 to 1")
    parser.add_argument("--preset", metavar="NAME", help="easy, mid or hard, where a type has them")
    parser.add_argument(
        "--map", metavar="NAME|FILE", help="classes of asymmetric noise: voc, cityscapes, … or YAML"
    )
    parser.add_argument("--matrix", metavar="FILE", help="CSV, NPY or YAML of matrix noise")
    parser.add_argument("--convention", metavar="NAME", help="paper (default) or lncis-code")
    parser.add_argument("--scores", metavar="FILE", help="NPZ of instance-dependent noise")
    parser.add_argument(
        "--predictions", metavar="FILE", help="a run's predictions.json.zst, for confusion noise"
    )
    parser.add_argument(
        "--reference", metavar="FILE", help="annotation file that the predictions are of"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other parameter, its value in YAML, e.g. --set kernel=5; can be repeated",
    )
    parser.add_argument(
        "--spec",
        type=Path,
        metavar="FILE.yaml",
        help="a step or a list of steps as in a suite, instead of --type and its parameters",
    )
    parser.add_argument(
        "--classes",
        type=_names,
        metavar="NAME,NAME",
        help="classes that labels are turned from and into; all others are exempt, and stay in the "
        "file as they are",
    )
    parser.add_argument("--seed", type=whole, required=True, metavar="S", help="noise seed")
    _add_output(parser, "NOISY.json", "noisy file; its manifest gets .manifest.json")
    _add_workers(parser)


def _add_verify(actions: Subparsers) -> None:
    parser = add_command(
        actions,
        "verify",
        noise_commands.verify,
        "make the noise again and compare every byte; exit status 1 if anything differs",
        example="noisyseg noise verify noisy.json --clean train.json",
    )
    parser.add_argument("noisy", type=Path, metavar="NOISY.json")
    parser.add_argument(
        "--clean", type=Path, required=True, metavar="CLEAN.json", help="file it was made from"
    )
    parser.add_argument(
        "--manifest", type=Path, metavar="FILE", help="of the noisy file (default: beside it)"
    )
    _add_scores(parser)
    _add_workers(parser)


def _add_apply(actions: Subparsers) -> None:
    parser = add_command(
        actions,
        "apply",
        noise_commands.apply,
        "write the noisy file that a manifest is of",
        example="noisyseg noise apply train.json noisy.manifest.json --out noisy.json",
    )
    parser.add_argument("clean", type=Path, metavar="CLEAN.json")
    parser.add_argument("manifest", type=Path, metavar="MANIFEST")
    _add_output(parser, "FILE", "noisy file")
    _add_scores(parser)
    _add_workers(parser)


def _add_invert(actions: Subparsers) -> None:
    parser = add_command(
        actions,
        "invert",
        noise_commands.invert,
        "write the clean file that a noisy one was made from",
        example="noisyseg noise invert noisy.json noisy.manifest.json --out clean.json",
    )
    parser.add_argument("noisy", type=Path, metavar="NOISY.json")
    parser.add_argument("manifest", type=Path, metavar="MANIFEST")
    _add_output(parser, "FILE", "clean file")


def _add_diff(actions: Subparsers) -> None:
    parser = add_command(
        actions,
        "diff",
        noise_commands.compare,
        "what differs between two annotation files of the same images",
        example="noisyseg noise diff train.json reannotated.json --match iou",
    )
    parser.add_argument("before", type=Path, metavar="A.json")
    parser.add_argument("after", type=Path, metavar="B.json")
    _add_match(parser)
    parser.add_argument(
        "--min-iou",
        type=float,
        default=0.5,
        metavar="X",
        help="with --match iou: least overlap of one object's two masks (default: 0.5)",
    )
    add_json(parser)


def _add_report(actions: Subparsers) -> None:
    parser = add_command(
        actions,
        "report",
        noise_commands.report,
        "write one self-contained HTML page on a noisy file, and its figures as PNG",
        example="noisyseg noise report noisy.json --images train --out report.html",
    )
    parser.add_argument("noisy", type=Path, metavar="NOISY.json")
    parser.add_argument(
        "--clean",
        type=Path,
        metavar="CLEAN.json",
        help="file to compare with (default: what the manifest restores)",
    )
    parser.add_argument(
        "--manifest", type=Path, metavar="FILE", help="of the noisy file (default: beside it)"
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="folder of the images to show")
    _add_match(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.html",
        help="the page (default: NOISY_report.html beside the noisy file)",
    )


def _add_output(parser: argparse.ArgumentParser, metavar: str, summary: str) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar=metavar, help=summary)


def _add_match(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--match",
        choices=("id", "iou"),
        default="id",
        help="what makes two annotations one object: their id or their masks (default: id)",
    )


def _add_scores(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scores",
        type=Path,
        metavar="FILE",
        help="the NPZ that instance-dependent noise was made with",
    )


def _add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=positive,
        default=1,
        metavar="N",
        help="processes for mask noise; they do not change the result (default: 1)",
    )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _number(text: str) -> float | str:
    """A number; any other text is left for the type of noise to refuse in its own words."""
    try:
        return float(text)
    except ValueError:
        return text
