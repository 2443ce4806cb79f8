"""Methods of a suite against each other over seeds and images, a noise setting at a time."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from noisyseg.bench.reporting.run_matches import matches_of
from noisyseg.bench.reporting.setting_comparison import SettingComparison
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError
from noisyseg.results.evaluation.average_precision import average_precisions
from noisyseg.results.evaluation.image_matches import Matches
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done
from noisyseg.results.statistics.bootstrap import check_truth, draw_weights
from noisyseg.results.statistics.differences import comparisons, differences_of
from noisyseg.results.statistics.holm import holm
from noisyseg.results.statistics.pair_tests import Drawn, DrawnValues, pair_tests
from noisyseg.results.statistics.rankings import ranking
from noisyseg.results.statistics.uneven_spread import uneven_methods

_LEAST_DRAWS = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Bootstrap:
    """How methods are compared.

    Attributes:
        baseline: label of the method that the others are compared with.
        draws: of images.
        seed: of the draws.
    """

    baseline: str
    draws: int
    seed: int


def enough_draws(methods: int) -> int:
    """So many draws of images that every two methods can be told apart, even with one seed.

    With one seed the smallest p is 2 / (draws + 1), and it is multiplied by the number of pairs.
    """
    return _LEAST_DRAWS * -(-max(_LEAST_DRAWS, 40 * comparisons(methods)) // _LEAST_DRAWS)


def comparison(
    runs: Sequence[Run],
    records: Mapping[str, Record],
    bootstrap: Bootstrap,
    *,
    tell: Callable[[str], None],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[SettingComparison]:
    """Compare each method with the baseline at each noise setting, and rank them.

    Args:
        runs: of a suite.
        records: those that there are, by key.
        bootstrap: how.
        tell: hears of each noise setting that has too few methods.
        progress: hears how much is done, of how much: each run is read, then drawn from.

    Raises:
        InputError: files that are gone or changed, or runs that were not evaluated alike.
    """
    settings = _comparable(runs, records, bootstrap.baseline, tell)
    total = 2 * sum(map(len, settings.values()))
    steps = count(1)
    found = []
    for noise, chosen in settings.items():
        matches: dict[str, Matches] = {}
        for run in chosen:
            matches[str(run.folder)] = matches_of(run, records[run.key])
            progress(next(steps), total)
        check_truth(matches)
        weights = _weights(len(next(iter(matches.values())).image_ids), bootstrap)
        values: dict[str, dict[Hashable, Drawn]] = {}
        for run, entry in zip(chosen, matches.values(), strict=True):
            values.setdefault(run.method_label, {})[run.seeds] = _drawn(entry, weights)
            progress(next(steps), total)
        found.append(_compared(noise, values, bootstrap.baseline, weights))
    return found


def _comparable(
    runs: Sequence[Run],
    records: Mapping[str, Record],
    baseline: str,
    tell: Callable[[str], None],
) -> dict[str, list[Run]]:
    """Noise setting → its runs that are done, where the baseline is and another method."""
    found = {}
    for noise in dict.fromkeys(run.noise_label for run in runs):
        done = [r for r in runs if r.noise_label == noise and is_done(records.get(r.key))]
        methods = {run.method_label for run in done}
        if baseline in methods and len(methods) > 1:
            found[noise] = done
        else:
            tell(f"skipped {noise}: fewer than two methods are done, or not {baseline}")
    return found


def _weights(images: int, bootstrap: Bootstrap) -> NDArray[np.int64]:
    """Each image once, and how often each is drawn, shape (1 + draws, images)."""
    if images < 2:
        raise InputError("wanted at least 2 evaluation images to draw from, got 1")
    drawn = draw_weights(images, draws=bootstrap.draws, seed=bootstrap.seed)
    return np.concatenate([np.ones_like(drawn[:1]), drawn])


def _drawn(matches: Matches, weights: NDArray[np.int64]) -> Drawn:
    own, *draws = average_precisions(matches, weights)
    if np.isnan(own):
        raise InputError("no class has an instance: there is no AP to compare")
    return Drawn(float(own), np.array(draws))


def _compared(
    noise: str, values: DrawnValues, baseline: str, weights: NDArray[np.int64]
) -> SettingComparison:
    images = weights.shape[1]
    tests = pair_tests(values, images=images)
    own = {method: {seed: run.own for seed, run in runs.items()} for method, runs in values.items()}
    against = {
        method: tests[pair].of(method)
        for method in values
        if (pair := frozenset((method, baseline))) in tests
    }
    return SettingComparison(
        noise=noise,
        images=images,
        draws=len(weights) - 1,
        baseline=baseline,
        values=own,
        against=against,
        corrected=holm({method: test.p for method, test in against.items()}),
        ranking=ranking({method: fmean(runs.values()) for method, runs in own.items()}, tests),
        uneven=uneven_methods(own),
        seeds_alone=differences_of(own),
    )
