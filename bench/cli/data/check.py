"""`data check`: every file of a data set looked at, and what to mend."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.data.named import NAMES, NamedData, add_choice, add_root
from noisyseg.bench.cli.data.progress_bar import progress_bar
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.bench.datasets.check_report import Report
from noisyseg.bench.datasets.data_format import DataSet
from noisyseg.bench.datasets.named_data import named_data, named_format, own_data

EXAMPLE = "noisyseg data check coco2017 --root ~/data"
PROBLEMS = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the command line says.

    Attributes:
        images: of an annotation file: the folder of its images.
    """

    named: NamedData
    images: Path | None
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `Options`."""
    parser.add_argument("name", metavar="NAME", help=f"{NAMES}, or an annotation file (.json)")
    add_root(parser)
    parser.add_argument(
        "--images", type=Path, metavar="FOLDER", help="of an annotation file: its images"
    )
    add_choice(parser)
    add_json(parser)


def run(options: Options) -> int:
    """Say what is to be mended; 1 if anything is."""
    named = options.named
    known = named_format(named.name)
    if known is None:
        data: DataSet = own_data(named.name, options.images, named.options())
    else:
        data = named_data(known, named.root, named.options())
    return looked_at(data, named, as_json=options.json)


def looked_at(data: DataSet, named: NamedData, *, as_json: bool) -> int:
    """Print what is wrong with a data set that was located; returns the exit status."""
    with progress_bar(f"checking {named.name}") as progress:
        report = data.check(workers=named.workers, progress=progress)
    if as_json:
        print_text(json.dumps(_document(report), indent=2))
    else:
        print_text("\n".join(_lines(report)))
    return PROBLEMS if report.faults else DONE


def _document(report: Report) -> dict[str, Any]:
    return {
        **{key: getattr(report, key) for key in ("name", "images", "annotations", "sha256")},
        "problems": report.groups(),
        "warnings": report.warnings,
        "remarks": report.remarks,
    }


def _lines(report: Report) -> list[str]:
    """A check's report for people: what was looked at, remarks, and problems by kind."""
    lines = [f"{report.name}: {report.images} images, {report.annotations} annotations looked at"]
    lines += [f"  SHA-256 {digest}  {path}" for path, digest in report.sha256.items()]
    lines += [f"  remark: {remark}" for remark in report.remarks]
    lines += [f"  WARNING: {warning}" for warning in report.warnings]
    for group in report.groups():
        lines.append(f"  PROBLEM, {group['count']} ×: {group['kind']}")
        lines += [f"    {where}" for where in group["first"]]
        more = group["count"] - len(group["first"])
        if more:
            lines.append(f"    … and {more} more")
        lines.append(f"    what to do: {group['mend']}")
    count = sum(fault.count for fault in report.faults)
    lines.append(f"{count} problem{'s' * (count > 1)}" if count else "nothing to mend")
    return lines
