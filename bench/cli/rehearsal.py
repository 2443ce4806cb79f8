"""`noisyseg run --rehearse`: every run of a suite in miniature; says which would work."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say, say_warnings
from noisyseg.bench.cli.suite_choice import SuiteChoice, chosen_suite
from noisyseg.bench.cluster import scheduler
from noisyseg.bench.cluster.ray_cluster import has_gpus
from noisyseg.bench.cluster.ray_noise import display_apart
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.config.suite import Suite
from noisyseg.bench.runs.detectors import check_images, check_model
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.inputs import SHARED, check
from noisyseg.bench.runs.rehearsal import EPOCHS, FOLDER, image_limits, rehearsed
from noisyseg.bench.runs.run import CHECKPOINTS, STEP, Run
from noisyseg.bench.runs.usage import forget_usage
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RECORD_NAME, RunStore, is_done


def rehearse(choice: SuiteChoice, settings: ClusterSettings, *, random_weights: bool) -> int:
    """Rehearse every run; the records lie apart from real ones, and each call makes them anew."""
    # It is paths and methods that are tried, not the data's size.
    choice = replace(choice, data=replace(choice.data, allow_partial=True))
    suite = chosen_suite(choice, random_weights=random_weights)
    shrink = settings.gpus_per_run == 0 or not has_gpus(settings.address)
    suite = replace(suite, protocol=rehearsed(suite.protocol, shrink=shrink))
    store = RunStore(choice.out / FOLDER)
    store.check_writable()
    shared = choice.out / SHARED
    checked = check(suite, shared=shared, make=True)
    runs = expand(suite, store, shared=shared, checked=checked, tell=say_warnings)
    _say_what(suite, runs, shrink=shrink, random_weights=random_weights)
    check_images(runs[0], checked[0])
    for run in runs:
        _forget(run)
    model_fits = partial(check_model, runs[0])
    with display_apart(store.root) as display:
        records = scheduler.run_all(runs, store, settings, display, model_fits).records
    return _report(runs, records, store)


def _say_what(suite: Suite, runs: Sequence[Run], *, shrink: bool, random_weights: bool) -> None:
    count = len({run.key for run in runs})
    _, images = image_limits(suite.protocol)
    say(
        f"rehearsing {suite.name}: {count} runs of {EPOCHS} iterations and {images} evaluation "
        "images"
    )
    name = runs[0].spec["data"]["name"]
    if name.endswith("-partial"):
        say(f"the data are not the official number of images: {name}")
    if shrink:
        image, batch = suite.protocol["image"], suite.protocol["batch_size"]
        say(
            f"no GPU: images shrunk to {image['scale'][0]} × {image['scale'][1]}, {batch} a batch; "
            "this shows nothing about GPU memory or speed"
        )
    if random_weights:
        say("the backbone starts from random weights")


def _forget(run: Run) -> None:
    """Remove what an earlier rehearsal left: this one is to show that the run works now."""
    (run.folder / RECORD_NAME).unlink(missing_ok=True)
    shutil.rmtree(run.folder / CHECKPOINTS, ignore_errors=True)
    forget_usage(run.folder)


def _report(runs: Sequence[Run], records: Mapping[str, Record], store: RunStore) -> int:
    unique = {run.key: run for run in runs}
    failed = 0
    for key, run in unique.items():
        record = records.get(key)
        if record is not None and is_done(record):
            print_text(f"works   {run.label}{_measured(record)}")
            continue
        failed += 1
        reason = record["failure"]["message"].splitlines()[0] if record else "not run"
        print_text(f"FAILED  {run.label}: {reason}\n        log: {run.output}")
    print_text(f"{len(unique) - failed} of {len(unique)} runs work; records in {store.root}")
    return SOME_FAILED if failed else DONE


def _measured(record: Record) -> str:
    step = record["timings"].get(STEP)
    return "" if step is None else f"  {step:.2f} s an iteration"
