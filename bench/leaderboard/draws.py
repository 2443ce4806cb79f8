"""A run's mask AP of each of the draws of images that all entries of a ground share."""

from dataclasses import replace
from pathlib import Path

from noisyseg.bench.leaderboard.checks.installed import Installed
from noisyseg.bench.leaderboard.checks.run_checks import RunFound
from noisyseg.bench.leaderboard.contents import RUNS
from noisyseg.bench.runs.run import PREDICTIONS
from noisyseg.results.evaluation.evaluation import mask_matches
from noisyseg.results.evaluation.predictions import read_predictions
from noisyseg.results.leaderboard.entry import DRAWS, DRAWS_SEED
from noisyseg.results.statistics.bootstrap import drawn_precisions


def drawn(run: RunFound, folder: Path, installed: Installed) -> RunFound:
    """The run of a bundle in a folder with its draws; as it is without data or numbers.

    Raises:
        InputError: as `evaluate`.
    """
    if installed.eval_file is None or run.metrics is None:
        return run
    matches = mask_matches(
        installed.eval_file,
        read_predictions(folder / RUNS / run.key / PREDICTIONS),
        classes=installed.common["data"]["classes"],
        tool=run.metrics["tool"],
    )
    return replace(run, draws=drawn_precisions(matches, draws=DRAWS, seed=DRAWS_SEED))
