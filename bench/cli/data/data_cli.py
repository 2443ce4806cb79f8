"""The parsers of the `data` commands."""

import argparse
from pathlib import Path

from noisyseg.bench.cli.parsers import (
    Subparsers,
    add_command,
    add_group,
    add_json,
    lazy_command,
    positive,
)
from noisyseg.bench.datasets.catalogue import VOC_MASKS

_NAMES = "voc2012, coco2017, cityscapes, shapes, or a folder in COCO's layout"


def add_data(groups: Subparsers) -> None:
    """Add the group `data` and its commands."""
    actions = add_group(
        groups,
        "data",
        "data sets: what is there, conversion, checks, downloads",
        example="noisyseg data list --root ~/data",
    )
    _add_list(actions)
    _add_prepare(actions)
    _add_check(actions)
    _add_download(actions)


def _add_list(actions: Subparsers) -> None:
    parser = add_command(
        actions,
        "list",
        lazy_command("listing", "data.data_commands"),
        "say which data sets are ready, and what the others want",
        example="noisyseg data list --root ~/data",
    )
    _add_root(parser)
    add_json(parser)


def _add_prepare(actions: Subparsers) -> None:
    parser = add_command(
        actions,
        "prepare",
        lazy_command("prepare", "data.data_commands"),
        "convert a data set's official files to COCO format (run does it, too, where needed)",
        example="noisyseg data prepare voc2012 --root ~/data --masks seg",
    )
    parser.add_argument("name", metavar="NAME", help=_NAMES)
    _add_root(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where the converted files go (default: noisyseg/ in the root, or the cache where "
        "the root cannot be written to)",
    )
    _add_choice(parser)
    add_json(parser)


def _add_check(actions: Subparsers) -> None:
    parser = add_command(
        actions,
        "check",
        lazy_command("check", "data.data_commands"),
        "look at every file of a data set and say what to mend",
        example="noisyseg data check coco2017 --root ~/data",
    )
    parser.add_argument("name", metavar="NAME", help=f"{_NAMES}, or an annotation file (.json)")
    _add_root(parser)
    parser.add_argument(
        "--images", type=Path, metavar="FOLDER", help="of an annotation file: its images"
    )
    _add_choice(parser)
    add_json(parser)


def _add_download(actions: Subparsers) -> None:
    parser = add_command(
        actions,
        "download",
        lazy_command("download", "data.data_commands"),
        "download a data set's official archives and unpack them; goes on where it stopped",
        example="noisyseg data download coco2017 --root ~/data --part annotations,val2017",
    )
    parser.add_argument("name", metavar="NAME", help="voc2012, sbd, coco2017 (or cityscapes)")
    _add_root(parser)
    parser.add_argument(
        "--part",
        type=_names,
        metavar="A,B",
        help="only these parts (COCO: annotations, train2017, val2017; test2017 only if named)",
    )
    parser.add_argument("--masks", choices=VOC_MASKS, help="voc2012 with sbd: SBD's archive, too")
    parser.add_argument(
        "--mirror",
        metavar="URL",
        help="a web folder that holds the archives by their names, in place of the official one",
    )
    parser.add_argument(
        "--keep-archives", action="store_true", help="do not delete archives once unpacked"
    )


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root",
        type=Path,
        metavar="FOLDER",
        help="holds VOCdevkit/, coco/, cityscapes/ (default: the current folder; the cache for "
        "shapes)",
    )


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--masks", choices=VOC_MASKS, help="VOC's mask source (default: box)")
    parser.add_argument(
        "--allow-partial",
        action="store_true",
        help="accept fewer images than the official number; records say so in the data's name",
    )
    parser.add_argument(
        "--workers", type=positive, metavar="N", help="processes (default: one a core)"
    )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
