"""`noisyseg store merge`: one machine's runs taken into another's store."""

import argparse
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say
from noisyseg.bench.runs.store_merge import Merge, merge_stores
from noisyseg.text_lines import with_path

EXAMPLE = "noisyseg store merge runs /mnt/other-machine/runs"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Which stores.

    Attributes:
        into: the store that is added to.
        source: the store that is read alone.
    """

    into: Path
    source: Path
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "into",
        type=Path,
        metavar="A",
        help="the store that is added to; what it has that is done is never overwritten",
    )
    parser.add_argument(
        "source", type=Path, metavar="B", help="the store whose runs A lacks; it is read alone"
    )
    add_json(parser)


def run(options: Options) -> int:
    """Take the runs of B into A; 1 if the two contradict each other or something is damaged.

    Raises:
        InputError: one is no store, or a file cannot be read or written; the same call goes on.
    """
    merge = merge_stores(options.into, options.source)
    if options.json:
        print_text(json.dumps(dataclasses.asdict(merge), indent=2))
    else:
        print_text(_text(merge, options))
    if merge.copied:
        say(
            "tables, figures and reports are as they were: make them of all runs by "
            f"`noisyseg report SUITE --out {options.into}`"
        )
    return DONE if merge.is_clean else SOME_FAILED


def _text(merge: Merge, options: Options) -> str:
    lines = [f"copied  {name}" for name in merge.copied]
    lines += [f"skipped, it is running: {name}" for name in merge.skipped]
    lines += [f"CONFLICT {line}" for line in merge.conflicts]
    lines += [f"PROBLEM {line}" for line in merge.problems]
    counts = (
        f"copied {len(merge.copied)}, there already {merge.present}, running {len(merge.skipped)}, "
        f"conflicts {len(merge.conflicts)}, problems {len(merge.problems)}; "
        f"shared files copied {merge.files}"
    )
    return "\n".join([*lines, with_path(f"{counts}: {options.source} into", options.into)])
