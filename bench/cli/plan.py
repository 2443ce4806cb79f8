"""`noisyseg plan`."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from noisyseg.bench.cli.arguments import add_json, add_no_sharing
from noisyseg.bench.cli.output import DONE, print_text, say, say_warnings
from noisyseg.bench.cli.suite_choice import SuiteChoice, add_suite_choice, chosen_suite
from noisyseg.bench.cli.suite_power import measured_power
from noisyseg.bench.cli.suite_runs import foreseen, methods_there
from noisyseg.bench.config.shipped import read_suite
from noisyseg.bench.config.suite import SeedPair, Suite
from noisyseg.bench.datasets.formats.registry import format_of
from noisyseg.bench.datasets.preparation import CheckedData
from noisyseg.bench.reporting.plan import Plan, PlannedRun
from noisyseg.bench.reporting.plan_cost import cost_lines
from noisyseg.bench.reporting.plan_sharing import with_sharing
from noisyseg.bench.reporting.suite_detection import Detection, detection_of, seeds_for
from noisyseg.bench.reporting.suite_plan import pace_of, suite_plan
from noisyseg.bench.runs.checkpoint_note import Count, counting_beside
from noisyseg.bench.runs.estimate import Pace
from noisyseg.bench.runs.grid import foresee
from noisyseg.bench.runs.inputs import check
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError, UnusableFileError
from noisyseg.located_yaml import Located
from noisyseg.results.records.store import RunStore

EXAMPLE = "noisyseg plan paper-table1-voc --data-root ~/data --seconds-per-iteration 0.2"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What to plan.

    Attributes:
        seconds_per_iteration: of an optimizer step; None: as measured.
        detect: a difference in AP that is to be seen, which decides the seeds; None: the suite's.
        like: a suite of the store whose runs tell the spread for that; None: the same.
        no_sharing: each run trains all of its epochs itself.
    """

    choice: SuiteChoice
    seconds_per_iteration: float | None
    detect: float | None
    like: str | None
    no_sharing: bool
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_suite_choice(parser)
    parser.add_argument(
        "--seconds-per-iteration",
        type=_seconds,
        metavar="S",
        help="of an optimizer step (default: measured by runs that are done, or by rehearsals)",
    )
    parser.add_argument(
        "--detect",
        type=_difference,
        metavar="AP",
        help="plan as many seeds as see this difference between any two methods at 80 %% power, by "
        "the spread that runs of the store had",
    )
    parser.add_argument(
        "--like",
        metavar="SUITE",
        help="with --detect: the suite of the store whose runs tell the spread (default: SUITE); "
        "--data-root is its, too, and so are --variant and --masks where it has them",
    )
    add_no_sharing(parser)
    add_json(parser)


def _seconds(text: str) -> float:
    return _number(text, 1e6, "a number of seconds above 0")


def _difference(text: str) -> float:
    return _number(text, 100, "a difference in AP, above 0 and below 100")


def _number(text: str, limit: float, wanted: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < limit:
        raise argparse.ArgumentTypeError(f"wanted {wanted}, got {text!r}")
    return value


def run(options: Options) -> int:
    """Print the grid, its keys, what is done, and an estimate of hours and disk.

    Nothing is written. Keys need the annotations: those not converted yet are converted in memory.
    """
    outline = chosen_suite(options.choice, random_weights=True)
    store = RunStore(options.choice.out)
    found = _detection(options, outline)
    seeds = None if found is None else seeds_for(outline, found.seeds)
    with counting_beside(store) as count:
        plan = _planned(options, outline, store, count, seeds)
    if options.json:
        detection = None if found is None else found.document()
        print_text(json.dumps(plan.document() | {"detection": detection}, indent=2))
    else:
        _print_plan(plan)
        if found is not None:
            print_text(found.line())
    return DONE


def _detection(options: Options, suite: Suite) -> Detection | None:
    """How many seeds are wanted, if that is asked for, by all seeds of the store.

    Raises:
        InputError: seeds that were chosen besides, --like without --detect, or no spread known.
    """
    if options.detect is None:
        if options.like is not None:
            raise InputError("--like names the suite whose spread --detect goes by: give --detect.")
        return None
    if options.choice.seeds or options.choice.noise_seeds:
        raise InputError("--detect decides the seeds: leave --seeds and --noise-seeds out.")
    choice = options.choice
    if options.like is not None:
        choice = _all_of(options.like, choice)
    # Whatever methods are there tell how much seeds change one.
    choice = replace(choice, methods=methods_there(choice))
    return detection_of(options.detect, suite, choice.suite, measured_power(*foreseen(choice)))


def _all_of(suite: str, choice: SuiteChoice) -> SuiteChoice:
    """Another suite of the same store, whole; of the choices only those that it has, too.

    The folder of the data stays: a suite of official data cannot do without, and one that comes
    with its data has the same keys whatever the folder.
    """
    raw = read_suite(suite)
    variants, data = raw.get("variants"), raw.get("data")
    has_variant = isinstance(variants, Mapping) and choice.data.variant in variants
    has_masks = isinstance(data, Located) and bool(format_of(data).masks)
    kept = replace(
        choice.data,
        variant=choice.data.variant if has_variant else None,
        masks=choice.data.masks if has_masks else None,
    )
    return replace(choice, suite=suite, data=kept, methods=None, noise=None)


def _planned(
    options: Options,
    outline: Suite,
    store: RunStore,
    count: Count,
    seeds: list[SeedPair] | None,
) -> Plan:
    outline = _seeded(outline, seeds)
    note = None
    data: CheckedData | None = None
    runs: list[Run] = []
    try:
        data, settings = check(outline, store)
        say_warnings(data.warnings)
        suite = _seeded(chosen_suite(options.choice, download=False), seeds)
        runs = foresee(suite, store, data, settings)
    except UnusableFileError:
        raise
    except InputError as error:  # of data or weights that are not there
        note = f"keys are unknown: {error}"
    if options.seconds_per_iteration is None:
        pace = pace_of(outline, store, data)
    else:
        step = options.seconds_per_iteration
        pace = Pace(step=step, per_image=None, source="given", device="given")
    plan = suite_plan(outline, runs, store, data=data, pace=pace, note=note, count=count)
    return plan if options.no_sharing else with_sharing(plan, runs, store)


def _seeded(suite: Suite, seeds: list[SeedPair] | None) -> Suite:
    return suite if seeds is None else replace(suite, seeds=seeds)


def _print_plan(plan: Plan) -> None:
    for planned in plan.runs:
        print_text(_line(planned))
    suite = plan.suite
    variant = f" ({suite.variant})" if suite.variant else ""
    print_text(
        f"{suite.name}{variant}: {len(plan.runs)} runs, {plan.done} done; model "
        f"{suite.model.name}, protocol {suite.protocol['name']}"
    )
    if plan.sharing is not None and plan.sharing.saved:
        total = plan.sharing.epochs
        print_text(
            f"prefixes shared: {total - plan.sharing.saved} epochs trained instead of {total}"
        )
    iterations = plan.runs[0].iterations if plan.runs else None
    print_text(f"iterations a run: {'unknown' if iterations is None else iterations}")
    for line in cost_lines(plan):
        print_text(line)
    if plan.note:
        say(plan.note)
    for problem in plan.problems:
        say(problem)


def _line(planned: PlannedRun) -> str:
    key = planned.key or "-" * 16
    cost = "" if planned.hours is None else f"  {planned.hours:.2f} h"
    label = f"{planned.method} · {planned.noise} · seed {planned.seed}"
    return f"{key}  {planned.state:8}  {label:32}  {planned.noise_steps}{cost}"
