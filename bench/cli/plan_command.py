"""`plan`: a suite's runs, which are done, and what the others cost."""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.commands import (
    DONE,
    choices,
    chosen_suite,
    print_text,
    say,
    say_warnings,
)
from noisyseg.bench.config.suite import Suite
from noisyseg.bench.datasets.catalogue import KNOWN
from noisyseg.bench.datasets.preparation import CheckedData
from noisyseg.bench.datasets.source import data_format, masks_of
from noisyseg.bench.runs.estimate import (
    Pace,
    disk_bytes,
    hours,
    measured_pace,
    readable_bytes,
    train_iterations,
)
from noisyseg.bench.runs.grid import Run, check, foresee
from noisyseg.bench.runs.rehearsal import FOLDER
from noisyseg.errors import InputError, UnusableFileError
from noisyseg.results.records.noise_name import noise_name
from noisyseg.results.records.store import RunStore, is_done


@dataclass(kw_only=True, slots=True, frozen=True)
class Images:
    """How many images a run trains and evaluates on; None where that is unknown."""

    train: int | None
    eval: int | None


def plan(arguments: argparse.Namespace) -> int:
    """Print the grid, its keys, what is done, and an estimate of hours and disk.

    No run and no noisy file is written; data that are not yet converted are, since keys need them.
    """
    outline = chosen_suite(arguments, choices(arguments, random_weights=True))
    store = RunStore(arguments.out)
    note = None
    data: CheckedData | None = None
    runs: list[Run] = []
    try:
        data, settings = check(outline, store)
        say_warnings(data.warnings)
        suite = chosen_suite(arguments, choices(arguments, download=False))
        runs = foresee(suite, store, data, settings)
    except UnusableFileError:
        raise
    except InputError as error:  # of data or weights that are not there
        note = f"keys are unknown: {error}"
    images = _images(outline, data)
    pace = _pace(arguments.seconds_per_iteration, outline, store, data)
    rows = _known_rows(runs, store) if runs else _outline_rows(outline)
    _add_costs(rows, outline, images, pace)
    document = {
        "suite": outline.name,
        "variant": outline.variant,
        "protocol": outline.protocol["name"],
        "model": outline.model.name,
        "runs": rows,
        "total": _total(rows, outline, images, data),
        "pace": None if pace is None else pace.source,
        "note": note,
    }
    if arguments.json:
        print_text(json.dumps(document, indent=2))
    else:
        _print_plan(document, pace)
    return DONE


def _images(suite: Suite, data: CheckedData | None) -> Images:
    """Of the data where they are there, else the official numbers."""
    if data is not None:
        least = suite.protocol["image"]["min_size"]
        used = sum(side >= least for side in data.train_sides)
        return Images(train=used, eval=data.eval_images)
    name = data_format(suite.data)
    if name == "voc2012":
        name = f"voc2012-{masks_of(suite.data, suite.data_options)}"
    official = KNOWN[name].images if name in KNOWN else None
    if official is None:
        return Images(train=None, eval=None)
    return Images(train=official["train"], eval=official["val"])


def _pace(
    given: float | None, suite: Suite, store: RunStore, data: CheckedData | None
) -> Pace | None:
    if given is not None:
        return Pace(step=given, per_image=None, source="given", device="given")
    records = [
        *store.all_records()[0],
        *RunStore(store.root / FOLDER).all_records()[0],
    ]
    return measured_pace(
        records,
        model=suite.model.name,
        protocol=suite.protocol,
        data=None if data is None else data.resolved,
        eval_images=0 if data is None else data.eval_images,
    )


def _known_rows(runs: Sequence[Run], store: RunStore) -> list[dict[str, Any]]:
    """A row for each key; two labels of one run share it."""
    rows = []
    for run in {run.key: run for run in runs}.values():
        record, _ = store.peek(run.spec)
        state = "to train"
        if record is not None:
            state = "done" if is_done(record) else "failed"
        rows.append(_row(run.key, state, run.method_label, run.noise_label, run.seed_label))
        rows[-1]["noise_steps"] = noise_name(run.spec["noise"])
    return rows


def _outline_rows(suite: Suite) -> list[dict[str, Any]]:
    """The grid where no key can be known, for want of data or of weights."""
    rows = []
    for pair in suite.seeds:
        for noise, steps in suite.noise.items():
            label = pair.train if pair.noise == pair.train else f"{pair.noise}/{pair.train}"
            for method in suite.methods:
                rows.append(_row(None, "unknown", method, noise, label))
                rows[-1]["noise_steps"] = noise_name(_as_spec(steps))
    return rows


def _row(key: str | None, state: str, method: str, noise: str, seed: int | str) -> dict[str, Any]:
    return {"key": key, "state": state, "method": method, "noise": noise, "seed": seed}


def _as_spec(steps: Any) -> Mapping[str, Any] | None:
    if steps is None:
        return None
    entries = steps if isinstance(steps, list) else [steps]
    return {"steps": [entry for entry in entries if isinstance(entry, Mapping)]}


def _add_costs(
    rows: Sequence[dict[str, Any]], suite: Suite, images: Images, pace: Pace | None
) -> None:
    iterations = None if images.train is None else train_iterations(images.train, suite.protocol)
    for row in rows:
        row["iterations"] = iterations
        row["hours"] = None
        if pace is not None and iterations is not None:
            row["hours"] = hours(iterations, images.eval or 0, pace)


def _total(
    rows: Sequence[dict[str, Any]], suite: Suite, images: Images, data: CheckedData | None
) -> dict[str, Any]:
    left = [row for row in rows if row["state"] != "done"]
    spent = [row["hours"] for row in left]
    noisy = {(row["noise"], row["seed"]) for row in rows if suite.noise[row["noise"]] is not None}
    disk = None
    if data is not None:
        disk = dict(
            disk_bytes(
                runs=len(left),
                checkpoint=_checkpoint_bytes(suite, len(data.classes)),
                eval_images=data.eval_images,
                noisy_files=len(noisy),
                annotations=len(data.contents["train"]),
            )
        )
    return {
        "runs": len(rows),
        "done": len(rows) - len(left),
        "hours": None if None in spent else round(sum(spent), 2),
        "disk_bytes": None if disk is None else {**disk, "total": sum(disk.values())},
    }


def _checkpoint_bytes(suite: Suite, classes: int) -> int:
    # Imported here: mmdet takes seconds, and a grid alone does not need it.
    from noisyseg.bench.runs.process_output import output_to
    from noisyseg.bench.training.stack import load_stack

    load_stack()
    from noisyseg.bench.training.detector import checkpoint_bytes

    with output_to(Path(os.devnull)):
        return checkpoint_bytes(
            suite.model.detector, num_classes=classes, optimizer=suite.protocol["optimizer"]["type"]
        )


def _print_plan(document: Mapping[str, Any], pace: Pace | None) -> None:
    variant = f" ({document['variant']})" if document["variant"] else ""
    for row in document["runs"]:
        key = row["key"] or "-" * 16
        cost = "" if row["hours"] is None else f"  {row['hours']:.2f} h"
        label = f"{row['method']} · {row['noise']} · seed {row['seed']}"
        print_text(f"{key}  {row['state']:8}  {label:32}  {row['noise_steps']}{cost}")
    totals = document["total"]
    print_text(
        f"{document['suite']}{variant}: {totals['runs']} runs, {totals['done']} done; model "
        f"{document['model']}, protocol {document['protocol']}"
    )
    iterations = document["runs"][0]["iterations"] if document["runs"] else None
    print_text(f"iterations a run: {'unknown' if iterations is None else iterations}")
    print_text(_hours_line(totals["hours"], pace))
    print_text(_disk_line(totals["disk_bytes"]))
    if document["note"]:
        say(document["note"])


def _hours_line(sum_of_hours: float | None, pace: Pace | None) -> str:
    if pace is None:
        return (
            "GPU hours: unknown; give --seconds-per-iteration, or rehearse on the GPU first "
            "(run SUITE --rehearse)"
        )
    if sum_of_hours is None:
        return "GPU hours: unknown, for the number of images is"
    what = "hours, on a CPU" if pace.device == "cpu" else "GPU hours"
    evaluation = "" if pace.per_image is not None else "; evaluation is not counted"
    return (
        f"{what} left: {sum_of_hours:.1f} ({pace.step:.3f} s an iteration, "
        f"{pace.source}{evaluation})"
    )


def _disk_line(disk: Mapping[str, int] | None) -> str:
    if disk is None:
        return "disk: unknown"
    parts = ", ".join(
        f"{name} {readable_bytes(count)}" for name, count in disk.items() if name != "total"
    )
    return f"disk: about {readable_bytes(disk['total'])} ({parts})"
