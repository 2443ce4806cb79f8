"""`noisyseg store clean`: the checkpoints of runs that are done, removed."""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from noisyseg.bench.cli.arguments import add_json, add_out
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say
from noisyseg.bench.runs.estimate import readable_bytes
from noisyseg.bench.runs.store_clean import Clean, Freed, clean_store
from noisyseg.text_lines import with_path, wrapped

EXAMPLE = "noisyseg store clean --out runs --dry-run"
_LOST = (
    "Records, predictions and logs stay. What needs a run's trained weights has to train it again: "
    "`run --test-dev` for a run whose file is not written yet, and programs of your own that load "
    "its last.pth."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What to remove.

    Attributes:
        dry_run: whether it is only told.
        everything: of the copies, too, that `store merge` kept.
    """

    out: Path
    dry_run: bool
    everything: bool
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.description = (
        "Remove the checkpoints of runs that are done, and first epochs that no run will begin "
        "from, and say what that frees. A run that failed, waits or is under way goes on from its "
        f"checkpoints: they are never removed. {_LOST}"
    )
    add_out(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed alone")
    parser.add_argument(
        "--all",
        action="store_true",
        dest="everything",
        help="remove those of the copies, too, that `store merge` keeps in .conflicts",
    )
    add_json(parser)


def run(options: Options) -> int:
    """Remove checkpoints that no run goes on from; 1 if one cannot be removed or looked at.

    Raises:
        InputError: no such store.
    """
    clean = clean_store(options.out, everything=options.everything, remove=not options.dry_run)
    if options.json:
        print_text(json.dumps(_document(clean, options), indent=2))
    else:
        print_text(_text(clean, options))
    for problem in clean.problems:
        say(problem)
    if clean.freed and not options.json:
        say("\n".join(wrapped(_LOST)))
    return SOME_FAILED if clean.problems else DONE


def _document(clean: Clean, options: Options) -> dict[str, object]:
    return {
        "removed": not options.dry_run,
        "freed": [asdict(entry) for entry in clean.freed.values()],
        "kept": dict(clean.kept),
        "problems": clean.problems,
    }


def _text(clean: Clean, options: Options) -> str:
    entries = list(clean.freed.values())
    width = max((len(entry.name) for entry in entries), default=0)
    lines = [
        f"{entry.name:{width}}  {readable_bytes(entry.bytes):>9}  {_whose(entry)}"
        for entry in entries
    ]
    kept = ", ".join(f"{count} {state}" for state, count in sorted(clean.kept.items()))
    if kept:
        lines.append(f"kept, to go on from: {kept}")
    total = readable_bytes(sum(entry.bytes for entry in entries))
    verb = "would be freed" if options.dry_run else "freed"
    runs = _of(sum(entry.runs for entry in entries))
    return "\n".join([*lines, with_path(f"{total} {verb} of {runs} in", options.out)])


def _whose(entry: Freed) -> str:
    return _of(entry.runs) if entry.runs else "first epochs that no run needs any more"


def _of(runs: int) -> str:
    return f"{runs} run" if runs == 1 else f"{runs} runs"
