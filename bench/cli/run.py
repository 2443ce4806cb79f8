"""`noisyseg run`."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from noisyseg.bench.cli.arguments import add_no_sharing
from noisyseg.bench.cli.cluster_choice import add_cluster
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say, say_warnings
from noisyseg.bench.cli.rehearsal import rehearse
from noisyseg.bench.cli.run_outcome import say_outcome
from noisyseg.bench.cli.run_part import RunPart, add_part, part_of_runs
from noisyseg.bench.cli.suite_choice import SuiteChoice, add_suite_choice, chosen_suite
from noisyseg.bench.cli.suite_runs import known_records, whole_suite_runs
from noisyseg.bench.cluster import scheduler
from noisyseg.bench.cluster.loopback import has_loopback
from noisyseg.bench.cluster.ray_noise import display_apart
from noisyseg.bench.cluster.scheduler import Done
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.config.suite import Part, Suite
from noisyseg.bench.datasets.preparation import CheckedData
from noisyseg.bench.reporting.closing_sentence import closing_sentence
from noisyseg.bench.reporting.suite_progress import with_progress
from noisyseg.bench.reporting.suite_table import suite_table, write_table
from noisyseg.bench.runs.allowed_ranks import check_runs
from noisyseg.bench.runs.checkpoint_note import note_size
from noisyseg.bench.runs.coco_server import test_images, with_submissions
from noisyseg.bench.runs.detectors import check_images, check_model
from noisyseg.bench.runs.grid import expand, foresee
from noisyseg.bench.runs.inputs import check
from noisyseg.bench.runs.prefixes import drop_prefixes, plan_prefixes, saved_epochs
from noisyseg.bench.runs.run import Run
from noisyseg.bench.runs.suite_note import write_note
from noisyseg.bench.tracking.followers import followers
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
        no_sharing: each run trains all of its epochs itself.
        dry_run: list the runs, train nothing.
        rehearse: try every run in miniature instead.
        test_dev: leave files for COCO's server, too.
        random_weights: of a rehearsal: no pretrained weights.
        tensorboard: a folder that it is told of the runs in; None: it is not.
        mlflow: the address of its store.
    """

    choice: SuiteChoice
    cluster: ClusterSettings
    part: RunPart
    no_sharing: bool
    dry_run: bool
    rehearse: bool
    test_dev: bool
    random_weights: bool
    tensorboard: Path | None
    mlflow: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_suite_choice(parser)
    add_part(parser)
    add_cluster(parser)
    add_no_sharing(parser)
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
        "--tensorboard", type=Path, metavar="FOLDER", help="write losses and AP for TensorBoard"
    )
    parser.add_argument(
        "--mlflow", metavar="URI", help="tell an MLflow store or server of losses and AP"
    )
    parser.add_argument(
        "--random-weights",
        action="store_true",
        help="with --rehearse: leave the backbone's pretrained weights out",
    )


def run(options: Options) -> int:
    """Train what is missing of a suite, then print its table."""
    if options.rehearse:
        if options.part.is_chosen:
            raise InputError(f"{options.part.words} is not for --rehearse: it tries every run.")
        return rehearse(options.choice, options.cluster, random_weights=options.random_weights)
    if options.random_weights:
        raise InputError(
            "--random-weights is for --rehearse alone: from other weights it is another model. A "
            "suite can say so: model: {extends: NAME, weights: none}."
        )
    suite = chosen_suite(options.choice, download=not options.dry_run)
    store = RunStore(options.choice.out)
    if options.dry_run:
        return _list_runs(suite, store, options.part)
    store.check_writable()
    checked = check(suite, store, make=True)
    runs = expand(suite, store, checked=checked, tell=say_warnings)
    data, _ = checked
    if options.test_dev:
        runs = with_submissions(runs, test_images(suite.name, data.source))
    part = part_of_runs(runs, options.part)
    done = _trained(Grid(suite=suite, runs=runs, part=part, data=data), store, options)
    records = known_records(runs, store) | done.records
    written = _print_table(options.choice, suite, runs, records)
    if sentence := closing_sentence(suite, runs, records):
        say(sentence)
    return max(written, say_outcome(part, done))


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A suite's runs, and the part of them that is to be done now."""

    suite: Suite
    runs: Sequence[Run]
    part: Sequence[Run]
    data: CheckedData


def _print_table(
    choice: SuiteChoice, suite: Suite, runs: Sequence[Run], records: Mapping[str, Record]
) -> int:
    """Print the table of what was chosen, and leave that of the whole suite in the store.

    Returns:
        The exit status: on a full disk what runs came to is told all the same.
    """
    store = RunStore(choice.out)
    whole, all_runs = whole_suite_runs(choice, store)
    known = known_records(all_runs, store) | dict(records)
    table = with_progress(suite_table(whole, all_runs, known), whole, all_runs, known)
    what = "table" if suite.part == Part() else "table of the whole suite"
    try:
        said, status = with_path(f"{what} written to", write_table(whole, table, store)), DONE
    except InputError as error:
        said, status = f"error: {error}", SOME_FAILED
    if suite.part != Part():
        table = suite_table(suite, runs, records)
    print_text(render(table, "md").rstrip())
    say(said)
    return status


def _list_runs(suite: Suite, store: RunStore, part: RunPart) -> int:
    data, settings = check(suite, store)
    say_warnings(data.warnings)
    runs = part_of_runs(foresee(suite, store, data, settings), part)
    records = known_records(runs, store)
    for entry in runs:
        state = "done" if is_done(records.get(entry.key)) else "to train"
        print_text(f"{entry.key}  {state:8}  {entry.label}")
    return DONE


def _trained(grid: Grid, store: RunStore, options: Options) -> Done:
    """What came of the runs of the part, once what is missing has been trained.

    Raises:
        InputError: inputs that no run could be trained on, no Ray at the address, or no node that
            has what one run needs.
    """
    suite, part = grid.suite, grid.part
    records = _finished(part, store)
    missing = [entry for entry in part if entry.key not in records or entry.lacks_submission]
    if missing:
        check_images(missing[0], grid.data)
    counted = f"{suite.name}: {len(records)} done, {len({run.key for run in missing})} to train"
    if len(part) < len(grid.runs):
        counted += f"; {options.part.words}: {len(part)} of {len(grid.runs)} runs"
    if not missing:
        write_note(suite, grid.runs, store)
        say(counted)
        return Done(records=records)

    def check_and_tell() -> None:
        check_model(missing[0])
        check_runs(missing, settings.gpus_per_run)
        note_size(suite, len(grid.data.classes), store)
        write_note(suite, grid.runs, store)
        say(counted)
        if saved := saved_epochs(missing):
            say(f"{saved} epochs are trained once for several runs (--no-sharing: each its own)")

    settings = where_ray_can_be(options.part.settings(options.cluster))
    trackers = followers(options.tensorboard, options.mlflow)
    if not options.no_sharing:
        missing = plan_prefixes(missing, store.root)
    with display_apart(store.root, trackers) as display:
        done = scheduler.run_all(missing, store, settings, display, check_and_tell)
    drop_prefixes(missing, {key for key, record in done.records.items() if is_done(record)})
    return replace(done, records=records | done.records)


def where_ray_can_be(settings: ClusterSettings) -> ClusterSettings:
    """Where runs are done: without Ray, and saying so, where a private one could not be reached."""
    if settings.without_ray or settings.address is not None or has_loopback():
        return settings
    say(
        "warning: this machine's loopback interface is off, by which Ray's processes talk (as "
        "root: ip link set lo up): the runs are done without Ray, as by --without-ray."
    )
    return replace(settings, without_ray=True)


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
