"""`noisyseg doctor`: what is wrong with a machine or a cluster, and the commands that mend it."""

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

from noisyseg.bench.cli.arguments import add_json, add_out
from noisyseg.bench.cli.output import DONE, UNUSABLE_INPUT, print_text
from noisyseg.bench.doctor.checks import diagnosis
from noisyseg.bench.doctor.finding import Finding
from noisyseg.bench.doctor.suite_inputs import Place
from noisyseg.errors import InputError

EXAMPLE = "noisyseg doctor quick --out runs --address auto"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is looked at.

    Attributes:
        suite: whose data and weights; None: of all shipped suites that are there.
        data_root: where relative data and weights paths start.
        variant, masks, allow_partial: of the suite, as `run` has them.
        address: of a Ray cluster; None: this machine alone.
    """

    suite: str | None
    data_root: Path | None
    variant: str | None
    masks: str | None
    allow_partial: bool
    out: Path
    address: str | None
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "suite",
        nargs="?",
        metavar="SUITE",
        help="also its data and weights (default: those of the shipped suites that are there)",
    )
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="FOLDER",
        help="where a suite's relative data and weights paths start",
    )
    parser.add_argument("--variant", metavar="NAME", help="one of the suite's variants")
    parser.add_argument("--masks", metavar="NAME", help="VOC's mask source")
    parser.add_argument(
        "--allow-partial",
        action="store_true",
        help="accept fewer images than the official number",
    )
    add_out(parser)
    parser.add_argument(
        "--address",
        metavar="auto|HOST:PORT|ray://…",
        help="a Ray cluster: every node is asked (default: this machine alone)",
    )
    add_json(parser)


def run(options: Options) -> int:
    """Print a line for each finding, and below it the command that mends it; 2 if any must be."""
    if options.suite is None and (options.variant or options.masks or options.allow_partial):
        raise InputError(
            "--variant, --masks and --allow-partial are of a suite: name it, such as "
            "noisyseg doctor paper-table1-voc --masks sbd."
        )
    place = Place(
        root=options.data_root,
        out=options.out,
        variant=options.variant,
        masks=options.masks,
        allow_partial=options.allow_partial,
    )
    found = diagnosis(options.suite, place, options.address)
    counts: Counter[str] = Counter(finding.level for finding in found)
    if options.json:
        rows = [asdict(finding) for finding in found]
        sums = {f"{level}s": counts[level] for level in ("warning", "problem")}
        print_text(json.dumps({"findings": rows, **sums}, indent=2, ensure_ascii=False))
    else:
        print_text("\n".join([*_lines(found), _sum(counts)]))
    return UNUSABLE_INPUT if counts["problem"] else DONE


def _lines(found: Sequence[Finding]) -> list[str]:
    """A line a finding; what is well on a node in one."""
    lines = []
    for node, findings in groupby(found, lambda finding: finding.node):
        well: list[str] = []
        for finding in findings:
            if node and finding.level == "ok":
                well.append(finding.name)
                continue
            text = " ".join(finding.text.split())
            place = f"{node}: " if node else ""
            lines.append(f"{finding.level:7}  {place}{finding.name}: {text}")
            if finding.mend:
                lines.append(f"{'':7}    mend: {finding.mend}")
        if well:
            lines.append(f"{'ok':7}  {node}: {', '.join(well)}")
    return lines


def _sum(counts: Mapping[str, int]) -> str:
    parts = [
        f"{counts[level] or 'no'} {level}{'s' * (counts[level] != 1)}"
        for level in ("problem", "warning")
    ]
    return ", ".join(parts)
