"""`noisyseg noise diff`: what differs between two annotation files of the same images."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from noisyseg.annotation_files.document import read_annotations
from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.noise.arguments import add_match
from noisyseg.bench.cli.noise.numbers import interval, percent
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.noise.diff import diff
from noisyseg.noise.difference import Difference

EXAMPLE = "noisyseg noise diff train.json reannotated.json --match iou"
_LISTED = 20
_FEW_MATCHED = (
    "less than half of them were matched, and what follows is of these alone: are these the same "
    "images under the same names, and the objects where they were?"
)
_NOTHING_MATCHED = {
    "id": "no annotation has the same id in both files, crowds aside: --match iou matches the rest "
    "by their masks",
    "iou": "no two masks overlap enough to be of one object: --min-iou says how much is enough",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    before: Path
    after: Path
    match: Literal["id", "iou"]
    min_iou: float
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("before", type=Path, metavar="A.json")
    parser.add_argument("after", type=Path, metavar="B.json")
    add_match(parser)
    parser.add_argument(
        "--min-iou",
        type=float,
        default=0.5,
        metavar="X",
        help="with --match iou: least overlap of one object's two masks (default: 0.5)",
    )
    add_json(parser)


def run(options: Options) -> int:
    """Say what differs between two annotation files of the same images."""
    before, after = (read_annotations(path) for path in (options.before, options.after))
    difference = diff(before, after, match=options.match, min_iou=options.min_iou)
    if options.json:
        print_text(json.dumps(difference.as_json()))
    else:
        print_text("\n".join(_lines(difference)))
    return DONE


def _lines(difference: Difference) -> list[str]:
    """A difference for a person: numbers, a table of classes, the first changes."""
    lines = [
        f"annotations: {difference.before} before, {difference.after} after; "
        f"{difference.matched} matched by {difference.match}"
        f"{'' if difference.crowds_counted else '; crowds not counted'}",
        f"images: {difference.images} of {difference.images} matched by {difference.images_by}",
        f"class changed: {len(difference.class_changes)}; class noise rate "
        f"{percent(difference.rate)}{interval(difference.interval)}",
        f"shape changed: {len(difference.geometry_changes)}",
        f"removed: {len(difference.removed)}",
        f"added: {len(difference.added)}",
    ]
    if not difference.matched and difference.before and difference.after:
        lines.append(_NOTHING_MATCHED[difference.match])
    elif 2 * difference.matched < min(difference.before, difference.after):
        lines.append(_FEW_MATCHED)
    lines += _class_lines(difference)
    changes = difference.class_changes
    for change in changes[:_LISTED]:
        number = str(change.before_id)
        if change.after_id != change.before_id:
            number += f" (after: {change.after_id})"
        lines.append(f"annotation {number}: {change.before} -> {change.after}")
    if len(changes) > _LISTED:
        lines.append(f"and {len(changes) - _LISTED} more: --json has all of them, and the matrix")
    return lines


def _class_lines(difference: Difference) -> list[str]:
    entries = [e for e in difference.classes if e.before or e.after]
    width = max([len(entry.name) for entry in entries] + [5])
    heads = ("before", "after", "changed", "rate", "removed", "added")
    lines = [f"{'class':{width}}" + "".join(f"{head:>10}" for head in heads)]
    for e in entries:
        cells = (e.before, e.after, e.changed, percent(e.rate), e.removed, e.added)
        lines.append(f"{e.name:{width}}" + "".join(f"{cell:>10}" for cell in cells))
    return lines
