"""What each command does; `cli.py` says how it is called."""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from noisyseg.bench.config.suite import Choices, Suite, choose, load_suite
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.bench.reporting.suite_table import suite_table, write_table
from noisyseg.bench.runs.coco_server import test_images, with_submissions
from noisyseg.bench.runs.execution import submission_file
from noisyseg.bench.runs.grid import Run, check, expand, foresee
from noisyseg.bench.runs.process_output import output_to
from noisyseg.bench.runs.state import STATES, RunState, run_states
from noisyseg.errors import InputError
from noisyseg.methods.registry import methods_of_files
from noisyseg.results.records.noise_name import noise_name
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore, is_done
from noisyseg.text_lines import COLUMNS, with_path, wrapped

DONE, SOME_FAILED = 0, 1


def run(arguments: argparse.Namespace) -> int:
    """Train what is missing of a suite, then print its table."""
    if arguments.rehearse:
        from noisyseg.bench.cli.rehearsal_command import rehearse

        return rehearse(arguments)
    if arguments.random_weights:
        raise InputError(
            "--random-weights is for --rehearse alone: from other weights it is another model. A "
            "suite can say so: model: {extends: NAME, weights: none}."
        )
    suite, store = _chosen(arguments)
    if arguments.dry_run:
        data, settings = check(suite, store)
        say_warnings(data.warnings)
        runs = foresee(suite, store, data, settings)
        _list_runs(runs, _finished(runs, store))
        return DONE
    runs = expand(suite, store, tell=say_warnings)
    if arguments.test_dev:
        runs = with_submissions(runs, test_images(suite))
    records = _finished(runs, store)
    missing = [entry for entry in runs if entry.key not in records or _lacks_submission(entry)]
    if missing:
        check_inputs(missing[0])
    say(f"{suite.name}: {_count(records, runs)} done, {_count_keys(missing)} to train")
    if missing:
        records |= train_all(missing, store, arguments)
    text, path = write_table(suite, suite_table(suite, runs, records), "md", store)
    print_text(text.rstrip())
    say(f"table written to {path}")
    failed = [entry for entry in runs if not is_done(records.get(entry.key))]
    for entry in {entry.key: entry for entry in failed}.values():
        record = records.get(entry.key)
        reason = record["failure"]["message"].splitlines()[0] if record else "not run"
        say(f"FAILED {entry.label}: {reason}\n  log: {entry.folder / 'run.log'}")
    unwritten = [entry for entry in runs if entry not in failed and _lacks_submission(entry)]
    for entry in unwritten:
        say(f"NO FILE FOR COCO'S SERVER {entry.label}\n  log: {entry.folder / 'run.log'}")
    for entry in runs:
        if entry.submission is not None and entry not in unwritten + failed:
            say(f"for COCO's server: {submission_file(entry)}")
    return SOME_FAILED if failed or unwritten else DONE


def _lacks_submission(entry: Run) -> bool:
    return entry.submission is not None and not submission_file(entry).is_file()


def status(arguments: argparse.Namespace) -> int:
    """List the runs in a store: done, failed, running, waiting; and what cannot be read."""
    states, problems = run_states(RunStore(arguments.out))
    for problem in problems:
        say(problem)
    rows = [_status_row(state) for state in states]
    if arguments.json:
        print_text(json.dumps({"runs": rows, "problems": problems}, indent=2))
        return DONE
    for row in rows:
        line = "  ".join(str(row[key]) for key in ("key", "status", "data", "method", "noise"))
        if len(line) > COLUMNS:  # two spaces between columns, where there is room for them
            line = "\n".join(wrapped(line, hanging="    "))
        print_text(line)
        if row["reason"]:
            print_text("\n".join(_reason_lines(row["reason"])))
        if row["epoch"] is not None:
            print_text(f"    epoch {row['epoch']:.1f} of {row['epochs']}")
    counts = (f"{sum(row['status'] == state for row in rows)} {state}" for state in STATES)
    print_text(with_path(f"{', '.join(counts)} in", arguments.out))
    return DONE


def _reason_lines(reason: str) -> list[str]:
    return [part for line in reason.splitlines() for part in wrapped(line, indent="    ")]


def choices(
    arguments: argparse.Namespace, *, random_weights: bool = False, download: bool = True
) -> Choices:
    """What the command line decides of a suite."""
    return Choices(
        variant=arguments.variant,
        masks=arguments.masks,
        allow_partial=arguments.allow_partial,
        random_weights=random_weights,
        download=download,
        own_methods=methods_of_files(arguments.method_files),
    )


def chosen_suite(arguments: argparse.Namespace, chosen: Choices) -> Suite:
    """The part of the suite that the command line names.

    Raises:
        InputError: whatever is wrong with the suite or with the choice.
    """
    return choose(
        load_suite(
            arguments.suite, data_root=arguments.data_root, cache=cache_folder(), choices=chosen
        ),
        methods=arguments.methods,
        noise=arguments.noise,
        seeds=arguments.seeds,
        noise_seeds=arguments.noise_seeds,
        train_seeds=arguments.train_seeds,
    )


def _chosen(arguments: argparse.Namespace) -> tuple[Suite, RunStore]:
    """The chosen part of the suite and a store that can be written to."""
    suite = chosen_suite(arguments, choices(arguments))
    store = RunStore(arguments.out)
    store.check_writable()
    return suite, store


def known_records(runs: Sequence[Run], store: RunStore) -> dict[str, Record]:
    """Every record that holds, of failed runs too; a corrupt one is set aside and named."""
    records = {}
    for entry in {entry.key: entry for entry in runs}.values():
        record, problem = store.load_or_set_aside(entry.spec)
        if problem:
            say(problem)
        if record is not None:
            records[entry.key] = record
    return records


def _finished(runs: Sequence[Run], store: RunStore) -> dict[str, Record]:
    """The records of runs that need no training."""
    return {key: record for key, record in known_records(runs, store).items() if is_done(record)}


def train_all(
    missing: Sequence[Run], store: RunStore, arguments: argparse.Namespace
) -> dict[str, Record]:
    """Train what is given, as the command line says where; returns the records by key.

    Raises:
        InputError: no Ray at the address, or no node that has what one run needs.
    """
    # Imported here: a table, or a suite that is done, needs no Ray.
    from noisyseg.bench.cluster.progress import display_for
    from noisyseg.bench.cluster.scheduler import ClusterSettings, run_all

    settings = ClusterSettings(
        address=arguments.address,
        cpus_per_run=arguments.cpus_per_run,
        gpus_per_run=arguments.gpus_per_run,
        max_retries=arguments.max_retries,
    )
    display = display_for(sys.stderr)
    try:
        return run_all(missing, store, settings, display)
    finally:
        display.close()


def check_inputs(run: Run) -> None:
    """Refuse images that do not fit their annotations, a detector that mmdet cannot build, and
    weights that do not fit it: a suite's runs share all of them, and a table needs none.
    """
    from noisyseg.bench.datasets.image_files import check_image_files
    from noisyseg.bench.training.stack import load_stack

    check_image_files(run.train_annotations, run.train_images)
    check_image_files(run.eval_annotations, run.eval_images)

    load_stack()
    from noisyseg.bench.training.detector import check_detector

    model = run.spec["model"]
    with output_to(Path(os.devnull)):  # mmdet's own remarks
        check_detector(
            model["detector"],
            name=model["name"],
            num_classes=len(run.spec["data"]["classes"]),
            weights=run.weights,
        )


def _list_runs(runs: Sequence[Run], records: dict[str, Record]) -> None:
    for entry in runs:
        state = "done" if entry.key in records else "to train"
        print_text(f"{entry.key}  {state:8}  {entry.label}")


def _count(records: dict[str, Record], runs: Sequence[Run]) -> int:
    return len({entry.key for entry in runs} & set(records))


def _count_keys(runs: Sequence[Run]) -> int:
    return len({entry.key for entry in runs})


def _status_row(run: RunState) -> dict[str, Any]:
    spec, record = run.spec, run.record
    progress = run.progress or {}
    return {
        "key": run.key,
        "status": run.state,
        "data": spec["data"]["name"],
        "method": spec["method"]["name"],
        "noise": noise_name(spec["noise"]),
        "seed": spec["train_seed"],
        "mask_ap": record["metrics"]["segm"]["AP"] if record and run.state == "done" else None,
        "reason": record["failure"]["message"] if record and run.state == "failed" else None,
        "epoch": progress.get("epoch"),
        "epochs": spec["protocol"]["epochs"],
    }


def say_warnings(lines: Iterable[str]) -> None:
    """What is wrong with data or noise, but can be gone on with."""
    for line in lines:
        say(f"warning: {line}")


def print_text(text: str) -> None:
    """What a command is asked for."""
    sys.stdout.write(f"{text}\n")


def say(text: str) -> None:
    """What a person should know beside it."""
    sys.stderr.write(f"{text}\n")
