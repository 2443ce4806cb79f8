"""`noisyseg run`."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from noisyseg.bench.cli.arguments import positive, whole
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say, say_warnings
from noisyseg.bench.cli.rehearsal import rehearse
from noisyseg.bench.cli.suite_choice import SuiteChoice, add_suite_choice, chosen_suite
from noisyseg.bench.cli.suite_runs import known_records, whole_suite_runs
from noisyseg.bench.cluster import progress, scheduler
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.config.suite import Part, Suite
from noisyseg.bench.datasets.preparation import CheckedData
from noisyseg.bench.reporting.closing_sentence import closing_sentence
from noisyseg.bench.reporting.suite_progress import with_progress
from noisyseg.bench.reporting.suite_table import suite_table, write_table
from noisyseg.bench.runs.checkpoint_note import note_size
from noisyseg.bench.runs.coco_server import test_images, with_submissions
from noisyseg.bench.runs.detectors import check_images, check_model
from noisyseg.bench.runs.grid import expand, foresee
from noisyseg.bench.runs.inputs import check
from noisyseg.bench.runs.run import Run
from noisyseg.bench.runs.suite_note import write_note
from noisyseg.errors import InputError
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore, is_done
from noisyseg.results.tables.formats import render
from noisyseg.text_lines import with_path

EXAMPLE = "noisyseg run examples/boards.yaml --data-root ~/data --methods ce,lncis"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What to train and where.

    Attributes:
        dry_run: list the runs, train nothing.
        rehearse: try every run in miniature instead.
        test_dev: leave files for COCO's server, too.
        random_weights: of a rehearsal: no pretrained weights.
    """

    choice: SuiteChoice
    cluster: ClusterSettings
    dry_run: bool
    rehearse: bool
    test_dev: bool
    random_weights: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_suite_choice(parser)
    add_cluster(parser)
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--dry-run", action="store_true", help="list the runs and which are done; train nothing"
    )
    way.add_argument(
        "--rehearse",
        action="store_true",
        help="every run with its real model and data, but four iterations: what would fail shows "
        "in minutes",
    )
    way.add_argument(
        "--test-dev",
        action="store_true",
        help="COCO: also write each run's file for COCO's evaluation server",
    )
    parser.add_argument(
        "--random-weights",
        action="store_true",
        help="with --rehearse: leave the backbone's pretrained weights out",
    )


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ClusterSettings`."""
    parser.add_argument(
        "--address",
        metavar="auto|HOST:PORT|ray://…",
        help="a Ray cluster that is already there (default: a private one on this machine)",
    )
    parser.add_argument(
        "--gpus-per-run",
        type=_share,
        metavar="N",
        help="GPUs for each run (default: 1 where there are GPUs, else 0)",
    )
    parser.add_argument(
        "--cpus-per-run",
        type=positive,
        metavar="N",
        help="CPUs for each run; on a CPU its torch threads (default: 1, or with "
        "GPUs an even share, at most 8)",
    )
    parser.add_argument(
        "--max-retries",
        type=whole,
        default=2,
        metavar="N",
        help="starts again for a run whose process died (default: 2)",
    )


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    # Ray gives out parts of one GPU, or whole ones.
    if not 0 <= value < 1e4 or (value > 1 and value != int(value)):
        raise argparse.ArgumentTypeError(
            f"wanted a share of a GPU or a whole number of them, got {text!r}"
        )
    return value


def run(options: Options) -> int:
    """Train what is missing of a suite, then print its table."""
    if options.rehearse:
        return rehearse(options.choice, options.cluster, random_weights=options.random_weights)
    if options.random_weights:
        raise InputError(
            "--random-weights is for --rehearse alone: from other weights it is another model. A "
            "suite can say so: model: {extends: NAME, weights: none}."
        )
    suite = chosen_suite(options.choice, download=not options.dry_run)
    store = RunStore(options.choice.out)
    if options.dry_run:
        return _list_runs(suite, store)
    store.check_writable()
    checked = check(suite, store, make=True)
    runs = expand(suite, store, checked=checked, tell=say_warnings)
    data, _ = checked
    if options.test_dev:
        runs = with_submissions(runs, test_images(suite.name, data.source))
    records = _trained(suite, runs, store, options.cluster, data)
    _print_table(options.choice, suite, runs, records)
    if sentence := closing_sentence(suite, runs, records):
        say(sentence)
    return _say_outcome(runs, records)


def _print_table(
    choice: SuiteChoice, suite: Suite, runs: Sequence[Run], records: Mapping[str, Record]
) -> None:
    """Print the table of what was chosen, and leave that of the whole suite in the store."""
    store = RunStore(choice.out)
    whole, all_runs = whole_suite_runs(choice, store)
    known = known_records(all_runs, store) | dict(records)
    table = with_progress(suite_table(whole, all_runs, known), whole, all_runs, known)
    path = write_table(whole, table, store)
    if suite.part != Part():
        table = suite_table(suite, runs, records)
    print_text(render(table, "md").rstrip())
    what = "table" if suite.part == Part() else "table of the whole suite"
    say(with_path(f"{what} written to", path))


def _list_runs(suite: Suite, store: RunStore) -> int:
    data, settings = check(suite, store)
    say_warnings(data.warnings)
    runs = foresee(suite, store, data, settings)
    records = known_records(runs, store)
    for entry in runs:
        state = "done" if is_done(records.get(entry.key)) else "to train"
        print_text(f"{entry.key}  {state:8}  {entry.label}")
    return DONE


def _trained(
    suite: Suite,
    runs: Sequence[Run],
    store: RunStore,
    settings: ClusterSettings,
    data: CheckedData,
) -> dict[str, Record]:
    """The records of all runs, by key, once what is missing has been trained.

    Raises:
        InputError: inputs that no run could be trained on, no Ray at the address, or no node that
            has what one run needs.
    """
    records = _finished(runs, store)
    missing = [entry for entry in runs if entry.key not in records or entry.lacks_submission]
    if missing:
        check_images(missing[0], data)
    counted = f"{suite.name}: {len(records)} done, {len({run.key for run in missing})} to train"
    if not missing:
        write_note(suite, runs, store)
        say(counted)
        return records

    def check_and_tell() -> None:
        check_model(missing[0])
        note_size(suite, len(data.classes), store)
        write_note(suite, runs, store)
        say(counted)

    with closing(progress.display_for(sys.stderr)) as display:
        records |= scheduler.run_all(missing, store, settings, display, check_and_tell)
    return records


def _finished(runs: Sequence[Run], store: RunStore) -> dict[str, Record]:
    """The records of runs that need no training; a corrupt one is set aside and named."""
    found = {}
    for entry in {entry.key: entry for entry in runs}.values():
        record, problem = store.load_or_set_aside(entry.spec)
        if problem:
            say(problem)
        if record is not None and is_done(record):
            found[entry.key] = record
    return found


def _say_outcome(runs: Sequence[Run], records: Mapping[str, Record]) -> int:
    """Name the runs that failed, and the files for COCO's server; returns the exit status."""
    failed = [entry for entry in runs if not is_done(records.get(entry.key))]
    for entry in {entry.key: entry for entry in failed}.values():
        record = records.get(entry.key)
        reason = record["failure"]["message"].splitlines()[0] if record else "not run"
        say(f"FAILED {entry.label}: {reason}\n  log: {entry.output}")
    unwritten = [entry for entry in runs if entry not in failed and entry.lacks_submission]
    for entry in unwritten:
        say(f"NO FILE FOR COCO'S SERVER {entry.label}\n  log: {entry.output}")
    for entry in runs:
        if entry.submission is not None and entry not in unwritten + failed:
            say(f"for COCO's server: {entry.submission_file}")
    return SOME_FAILED if failed or unwritten else DONE
