"""`noisyseg leaderboard submit`: a method's runs of a suite into one file, a bundle.

It trains nothing and sends nothing.
"""

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.cli.arguments import names, seeds
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.bench.cli.suite_choice import DataChoice, SuiteChoice, add_data_choice
from noisyseg.bench.cli.suite_runs import chosen_runs
from noisyseg.bench.config.suite import Suite
from noisyseg.bench.leaderboard.bundle import Written, write_bundle
from noisyseg.bench.leaderboard.sound_runs import SoundRun, sound_runs
from noisyseg.bench.runs.left_out import left_out
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError
from noisyseg.number_text import decimal, folded
from noisyseg.results.leaderboard.card import read_card
from noisyseg.results.leaderboard.entry import LEAST_SEEDS
from noisyseg.results.records.metrics import DEFAULT, METRICS
from noisyseg.results.records.store import RunStore
from noisyseg.text_lines import with_path

EXAMPLE = "noisyseg leaderboard submit runs --suite quick --card lncis.yaml --out lncis.zip"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is submitted.

    Attributes:
        runs: the store.
        noise, seeds: those alone; None: all of the suite, and all seeds that the store has.
        content: how the checksum of data and weights begins that are meant.
    """

    runs: Path
    suite: str
    card: Path
    out: Path
    noise: list[str] | None
    seeds: list[int] | None
    content: str | None
    data: DataChoice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("runs", type=Path, metavar="RUNS", help="where the runs lie")
    parser.add_argument(
        "--suite", required=True, metavar="SUITE", help="a shipped suite's name or a YAML file"
    )
    parser.add_argument(
        "--card",
        required=True,
        type=Path,
        metavar="FILE",
        help="what is to be said of the method: `noisyseg leaderboard card` makes one to fill in",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the bundle, a zip")
    parser.add_argument("--noise", type=names, metavar="A,B", help="only these noise settings")
    parser.add_argument(
        "--seeds",
        type=seeds,
        metavar="0,1,2",
        help="only these (default: every seed that the store has of the suite)",
    )
    parser.add_argument(
        "--content",
        metavar="PREFIX",
        help="where the store has runs of several versions of the data or the weights: how the "
        "checksum begins of those that are meant",
    )
    add_data_choice(parser)


def run(options: Options) -> int:
    """Write the bundle of the card's method, and say what it holds.

    Raises:
        InputError: an unusable card or suite; runs that are missing, failed, damaged or of several
            versions, each of them named; nothing is written then.
    """
    card = read_card(options.card)
    suite, runs, store = chosen_runs(_choice(options, card["method"]))
    if card["method"] not in suite.methods:
        raise InputError(
            f"{options.card}: the suite calls the method {', '.join(suite.methods)}, the card "
            f"{card['method']}: write the suite's name there."
        )
    found = _sound(options, suite, runs, store)
    written = write_bundle(options.out, suite=suite, card=card, runs=found)
    print_text("\n".join(_lines(written, options.out)))
    return DONE


def _choice(options: Options, method: str) -> SuiteChoice:
    return SuiteChoice(
        suite=options.suite,
        out=options.runs,
        data=options.data,
        methods=[method],
        noise=options.noise,
        seeds=options.seeds,
        noise_seeds=None,
        train_seeds=None,
        content=options.content,
    )


def _sound(options: Options, suite: Suite, runs: list[Run], store: RunStore) -> list[SoundRun]:
    """The runs, every one of them as wanted.

    Raises:
        InputError: what is wrong with the others, and what to do.
    """
    method = next(iter(suite.methods))
    again = _again(options, method)
    if not runs:
        raise InputError(f"{store.root} has no run of {method} of {suite.name}: {again} trains it.")
    try:
        return sound_runs(runs, store)
    except InputError as error:
        others = "".join(f"\n  {line}" for line in left_out(runs, store))
        raise InputError(
            f"{suite.name}: not every run of {method} can be submitted:{error}{others}\n"
            f"{again} trains what is missing or failed; --seeds and --noise submit a part."
        ) from error


def _again(options: Options, method: str) -> str:
    """The command that trains what the store lacks."""
    words = ["noisyseg", "run", options.suite, "--methods", method, "--out", str(options.runs)]
    if options.seeds:
        words += ["--seeds", ",".join(map(str, options.seeds))]
    if options.data.data_root is not None:
        words += ["--data-root", str(options.data.data_root)]
    if options.data.variant is not None:
        words += ["--variant", options.data.variant]
    for file in options.data.method_files:
        words += ["--method-file", file]
    return f"`{shlex.join(words)}`"


def _lines(written: Written, path: Path) -> list[str]:
    """What the bundle holds, for its submitter to see."""
    contents = written.contents
    lines = [f"{contents.method} of {contents.suite}: {len(contents.runs)} runs"]
    fewest = min(sum(run.noise == label for run in contents.runs) for label in contents.claims)
    for label, claims in contents.claims.items():
        own = [run for run in contents.runs if run.noise == label]
        line = f"  {label}: {_seeds([run.train_seed for run in own])}"
        claim = claims.get(DEFAULT)
        if claim is not None:
            spread = "" if claim.sd is None else f" ± {decimal(claim.sd)}"
            line += f"; {METRICS[DEFAULT]}: {decimal(claim.mean)}{spread}"
        lines.append(line)
    if fewest < LEAST_SEEDS:
        lines.append(f"provisional: boards rank methods of at least {LEAST_SEEDS} seeds")
    lines.append(with_path(f"{written.size} bytes written to", path))
    return [*lines, with_path("check it: noisyseg leaderboard verify", path)]


def _seeds(train_seeds: list[int]) -> str:
    seeds = sorted({*train_seeds})
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(folded(seeds))}"
