"""`leaderboard reproduce`: one run of a bundle trained again, beside what the bundle claims."""

import argparse
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.cluster_choice import add_cluster
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say, say_warnings
from noisyseg.bench.cli.suite_choice import DataChoice, add_data_choice, choices_of
from noisyseg.bench.cluster import scheduler
from noisyseg.bench.cluster.ray_noise import display_apart
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.bench.leaderboard.archive import unpacked
from noisyseg.bench.leaderboard.checks.records import read_record
from noisyseg.bench.leaderboard.contents import RUNS, RunEntry
from noisyseg.bench.leaderboard.ground import shipped_name
from noisyseg.bench.leaderboard.papers import Papers, read_papers
from noisyseg.bench.leaderboard.reproduction import (
    DECIDING,
    Comparison,
    comparisons,
    conclusion,
    named_run,
    suite_of,
)
from noisyseg.bench.runs.detectors import check_images, check_model
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.inputs import check
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore, is_done

EXAMPLE = "noisyseg leaderboard reproduce bundle.zip --key 0123456789abcdef"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Which run, and where it is trained.

    Attributes:
        key: how the run's key begins.
        suite: a shipped suite's name or a YAML file; None: the shipped one that the bundle names.
        out: store for the run; None: one that is removed again.
    """

    bundle: Path
    key: str
    suite: str | None
    out: Path | None
    data: DataChoice
    cluster: ClusterSettings
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.description = (
        "Train one run of a bundle again and hold its numbers against the claimed ones, beside the "
        "spread of the bundle's seeds. A method that came as a file is only run if you name the "
        "file yourself (--method-file), having read it. Exit status 0: reproduced, 1: not, "
        "2: it could not be tried."
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the archive")
    parser.add_argument("--key", required=True, metavar="K", help="how the run's key begins")
    parser.add_argument(
        "--suite",
        metavar="SUITE",
        help="a shipped suite's name or a YAML file (default: the shipped suite that the bundle "
        "names)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="store for the run, trained only if it is not there (default: one that is removed)",
    )
    add_data_choice(parser)
    add_cluster(parser)
    add_json(parser)


def run(options: Options) -> int:
    """Train the run again, and say how far its numbers lie from the bundle's.

    Raises:
        InputError: no such bundle, run, suite, data or method; or the suite here gives the run
            another key.
    """
    with tempfile.TemporaryDirectory(prefix="noisyseg-reproduce-") as work:
        folder = Path(work, "bundle")
        unpacked(options.bundle, folder)
        papers, checks = read_papers(folder)
        if papers is None:
            reasons = "; ".join(check.detail for check in checks if check.state == "fails")
            raise InputError(f"{options.bundle}: {reasons}: verify the bundle first.")
        entry = named_run(papers.contents, options.key)
        records = _cell(papers, entry, folder)
        store = RunStore(options.out or Path(work, "runs"))
        again = _trained(options, papers, entry, store)
    compared = comparisons(
        records[entry.key]["metrics"],
        again["metrics"],
        [record["metrics"] for record in records.values()],
    )
    return _told(compared, entry, as_json=options.json)


def _cell(papers: Papers, entry: RunEntry, folder: Path) -> dict[str, Record]:
    """The records of all of the bundle's runs of a run's setting, by key.

    Raises:
        InputError: one does not hold together.
    """
    records = {}
    for other in papers.contents.runs:
        if other.noise == entry.noise:
            record, checks = read_record(folder / RUNS / other.key, other.key)
            if record is None:
                raise InputError(f"run {other.key}: {checks[-1].detail}: verify the bundle first.")
            records[other.key] = record
    return records


def _trained(options: Options, papers: Papers, entry: RunEntry, store: RunStore) -> Record:
    """The record of the run trained here, or done in the store.

    Raises:
        InputError: it would be another run here, or its training failed.
    """
    choices = choices_of(replace(options.data, variant=papers.stated.variant))
    source = options.suite or shipped_name(papers.contents.suite)
    suite = load_suite(
        source, data_root=options.data.data_root, cache=cache_folder(), choices=choices
    )
    suite = suite_of(entry, papers.contents, papers.stated, suite, choices.own_methods)
    store.check_writable()
    checked = check(suite, store, make=True)
    (found,) = expand(suite, store, checked=checked, tell=say_warnings)
    if found.key != entry.key:
        raise InputError(
            f"run {entry.key} would be run {found.key} here: data, weights, suite or noisyseg are "
            "others than the bundle's. `noisyseg leaderboard verify` says which."
        )
    record = store.load(found.spec)
    if record is not None and is_done(record):
        say(f"run {found.key} is done in {store.root}: it is not trained once more")
        return record
    check_images(found, checked[0])
    return _run(found, store, options.cluster)


def _run(found: Run, store: RunStore, settings: ClusterSettings) -> Record:
    def model_fits() -> None:
        check_model(found)
        say(f"training {found.label} again")

    with display_apart(store.root) as display:
        done = scheduler.run_all([found], store, settings, display, model_fits)
    record = done.records.get(found.key)
    if record is None or not is_done(record):
        reason = "it was not run" if record is None else record["failure"]["message"]
        raise InputError(f"the training failed: {reason}")
    return record


def _told(compared: list[Comparison], entry: RunEntry, *, as_json: bool) -> int:
    deciding = next((one for one in compared if one.metric == DECIDING), None)
    if deciding is None:
        raise InputError(f"the run has no {DECIDING} to be compared.")
    sentence = conclusion(compared)
    if as_json:
        print_text(json.dumps(_document(compared, entry, sentence), indent=2))
    else:
        print_text("\n".join(_lines(compared)))
    say(sentence)
    return SOME_FAILED if deciding.within is False else DONE


def _document(compared: list[Comparison], entry: RunEntry, sentence: str) -> dict[str, object]:
    return {
        "key": entry.key,
        "noise": entry.noise,
        "seeds": [entry.noise_seed, entry.train_seed],
        "conclusion": sentence,
        "metrics": {
            one.metric: {
                "claimed": one.claimed,
                "again": one.again,
                "within": one.within,
                "seeds": one.cell.n,
                "interval": [one.cell.run_low, one.cell.run_high],
            }
            for one in compared
        },
    }


def _lines(compared: list[Comparison]) -> list[str]:
    lines = [f"{'':20}{'claimed':>9}{'again':>9}{'off':>9}   one more run would lie"]
    for one in compared:
        low, high = one.cell.run_low, one.cell.run_high
        where = "—" if low is None or high is None else f"{low:.2f} to {high:.2f}"
        off = one.again - one.claimed
        lines.append(f"{one.metric:20}{one.claimed:9.2f}{one.again:9.2f}{off:+9.2f}   {where}")
    return lines
