"""What each command does; `cli.py` says how it is called."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from noisyseg.bench.grid import Run, check, expand
from noisyseg.bench.process_output import output_to
from noisyseg.bench.run_state import STATES, RunState, run_states
from noisyseg.bench.shipped import shipped_names, shipped_path
from noisyseg.bench.suite import Suite, choose, load_suite
from noisyseg.files import write_atomically
from noisyseg.results.record import Record
from noisyseg.results.store import RunStore, is_done
from noisyseg.results.table import TableEntry, render_markdown, summarise

DONE, SOME_FAILED = 0, 1


def run(arguments: argparse.Namespace) -> int:
    """Train what is missing of a suite, then print its table."""
    suite, store = _chosen(arguments)
    runs = expand(suite, store)
    records = _finished(runs, store)
    missing = [entry for entry in runs if entry.key not in records]
    if arguments.dry_run:
        _list_runs(runs, records)
        return DONE
    if missing:
        _check_inputs(missing[0])
    _say(f"{suite.name}: {_count(records, runs)} done, {_count_keys(missing)} to train")
    if missing:
        records |= _train(missing, store, arguments)
    _print_table(suite, runs, records, store)
    failed = [entry for entry in runs if not is_done(records.get(entry.key))]
    for entry in {entry.key: entry for entry in failed}.values():
        record = records.get(entry.key)
        reason = record["failure"]["message"].splitlines()[0] if record else "not run"
        _say(f"FAILED {entry.label}: {reason}\n  log: {entry.folder / 'run.log'}")
    return SOME_FAILED if failed else DONE


def table(arguments: argparse.Namespace) -> int:
    """Print a suite's table from the records that there are."""
    suite, store = _chosen(arguments)
    runs = expand(suite, store)
    records = _records(runs, store)
    _print_table(suite, runs, records, store)
    return DONE


def status(arguments: argparse.Namespace) -> int:
    """List the runs in a store: done, failed, running, waiting; and what cannot be read."""
    states, problems = run_states(RunStore(arguments.out))
    for problem in problems:
        _say(problem)
    rows = [_status_row(state) for state in states]
    if arguments.json:
        _print(json.dumps({"runs": rows, "problems": problems}, indent=2))
        return DONE
    for row in rows:
        _print("  ".join(str(row[key]) for key in ("key", "status", "data", "method", "noise")))
        if row["reason"]:
            _print(f"    {row['reason']}")
        if row["epoch"] is not None:
            _print(f"    epoch {row['epoch']:.1f} of {row['epochs']}")
    counts = (f"{sum(row['status'] == state for row in rows)} {state}" for state in STATES)
    _print(f"{', '.join(counts)} in {arguments.out}")
    return DONE


def suite_list(arguments: argparse.Namespace) -> int:
    """List the shipped suites."""
    return _print_names(shipped_names("suite"), as_json=arguments.json)


def suite_show(arguments: argparse.Namespace) -> int:
    """Print a shipped suite's file."""
    _print(shipped_path("suite", arguments.suite).read_text(encoding="utf-8").rstrip())
    return DONE


def suite_validate(arguments: argparse.Namespace) -> int:
    """Check a suite's file and the annotation files that it names; write nothing."""
    suite = load_suite(arguments.suite, data_root=arguments.data_root, cache=cache_folder())
    check(suite)
    cells = len(suite.methods) * len(suite.noise)
    _print(f"{suite.file}: valid: {cells} cells, {cells * len(suite.seeds)} runs")
    return DONE


def methods_list(arguments: argparse.Namespace) -> int:
    """List the methods with what they are."""
    from noisyseg.methods.registry import METHODS

    if arguments.json:
        return _print_names(list(METHODS), as_json=True)
    for method in METHODS.values():
        _print(f"{method.name:8} {method.summary}")
    return DONE


def methods_show(arguments: argparse.Namespace) -> int:
    """Print a method's parameters, their defaults and its paper."""
    from noisyseg.methods.registry import resolve

    resolved = resolve(arguments.method, {})
    details = {
        **resolved.spec(),
        "summary": resolved.method.summary,
        "paper": resolved.method.paper,
    }
    if arguments.json:
        _print(json.dumps(details, indent=2))
        return DONE
    _print(f"{details['name']} (version {details['version']}): {details['summary']}")
    _print(f"paper: {details['paper']}")
    for name, value in resolved.spec()["parameters"].items():
        _print(f"  {name} = {json.dumps(value) if isinstance(value, bool) else f'{value:g}'}")
    return DONE


def cache_folder() -> Path:
    """Where generated data sets lie unless --data-root says otherwise."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "noisyseg"


def _chosen(arguments: argparse.Namespace) -> tuple[Suite, RunStore]:
    """The chosen part of the suite and a store that can be written to."""
    suite = choose(
        load_suite(arguments.suite, data_root=arguments.data_root, cache=cache_folder()),
        methods=arguments.methods,
        noise=arguments.noise,
        seeds=arguments.seeds,
    )
    store = RunStore(arguments.out)
    store.check_writable()
    return suite, store


def _records(runs: Sequence[Run], store: RunStore) -> dict[str, Record]:
    """Every record that holds, of failed runs too; a corrupt one is set aside and named."""
    records = {}
    for entry in {entry.key: entry for entry in runs}.values():
        record, problem = store.load_or_set_aside(entry.spec)
        if problem:
            _say(problem)
        if record is not None:
            records[entry.key] = record
    return records


def _finished(runs: Sequence[Run], store: RunStore) -> dict[str, Record]:
    """The records of runs that need no training."""
    return {key: record for key, record in _records(runs, store).items() if is_done(record)}


def _train(
    missing: Sequence[Run], store: RunStore, arguments: argparse.Namespace
) -> dict[str, Record]:
    # Imported here: a table, or a suite that is done, needs no Ray.
    from noisyseg.bench.progress import display_for
    from noisyseg.bench.scheduler import ClusterSettings, run_all

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


def _check_inputs(run: Run) -> None:
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


def _print_table(
    suite: Suite, runs: Sequence[Run], records: dict[str, Record], store: RunStore
) -> None:
    entries = [
        TableEntry(run.method_label, run.noise_label, run.seed, records.get(run.key))
        for run in runs
    ]
    summary = summarise(entries, methods=list(suite.methods), noises=list(suite.noise))
    text = render_markdown(summary, suite.title)
    path = store.root / "tables" / f"{suite.name}.md"
    write_atomically(path, f"{text.rstrip()}\n".encode())
    _print(text.rstrip())
    _say(f"table written to {path}")


def _list_runs(runs: Sequence[Run], records: dict[str, Record]) -> None:
    for entry in runs:
        state = "done" if entry.key in records else "to train"
        _print(f"{entry.key}  {state:8}  {entry.label}")


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


def noise_name(noise: Mapping[str, Any] | None) -> str:
    """A run's noise in lists, from its spec: symmetric-0.4, or matrix+missing-0.1."""
    if noise is None:
        return "clean"
    return "+".join(
        f"{step['type']}-{step['rate']:g}" if "rate" in step else step["type"]
        for step in noise["steps"]
    )


def _print_names(names: Sequence[str], *, as_json: bool) -> int:
    _print(json.dumps(list(names)) if as_json else "\n".join(names))
    return DONE


def _print(text: str) -> None:
    """What a command is asked for."""
    sys.stdout.write(f"{text}\n")


def _say(text: str) -> None:
    """What a person should know beside it."""
    sys.stderr.write(f"{text}\n")
