"""Methods of a suite against each other on the same images, by a paired bootstrap."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.runs.run import MATCHES, PREDICTIONS, Run
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.results.evaluation.evaluation import mask_matches
from noisyseg.results.evaluation.image_matches import Matches
from noisyseg.results.evaluation.matches_file import read_matches
from noisyseg.results.evaluation.predictions import read_predictions
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done
from noisyseg.results.statistics.bootstrap import standings


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


def comparison(
    runs: Sequence[Run],
    records: Mapping[str, Record],
    bootstrap: Bootstrap,
    tell: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Compare each method with the baseline at each noise setting and seed, and rank them.

    Args:
        runs: of a suite.
        records: those that there are, by key.
        bootstrap: how.
        tell: hears of each noise setting and seed that has too few methods.

    Returns:
        What was found at each of the others, as data.

    Raises:
        InputError: predictions that are gone or changed.
    """
    groups = []
    for noise, seed in dict.fromkeys(map(_place, runs)):
        matches = {
            run.method_label: matches_of(run, records[run.key])
            for run in runs
            if _place(run) == (noise, seed) and is_done(records.get(run.key))
        }
        if bootstrap.baseline in matches and len(matches) > 1:
            groups.append({"noise": noise, "seed": seed, **_standings(matches, bootstrap)})
        else:
            tell(
                f"skipped {noise}, seed {seed}: fewer than two methods are done, or not "
                f"{bootstrap.baseline}"
            )
    return groups


def _place(run: Run) -> tuple[str, int | str]:
    return run.noise_label, run.seed_label


def _standings(matches: Mapping[str, Matches], bootstrap: Bootstrap) -> dict[str, Any]:
    baseline = bootstrap.baseline
    found = standings(matches, baseline, draws=bootstrap.draws, seed=bootstrap.seed)
    rows = [{"method": method, **asdict(standing)} for method, standing in found.items()]
    return {"images": len(matches[baseline].image_ids), "methods": rows}


def matches_of(run: Run, record: Record) -> Matches:
    """What was matched in the run's images: from its own file, or from its predictions.

    Records of earlier versions have no such file. Nothing is written.

    Raises:
        InputError: the files are gone or changed.
    """
    path = run.folder / MATCHES
    stated = record["checksums"].get("matches")
    if stated is not None and path.is_file():
        _check_unchanged(path, stated)
        return read_matches(path)
    return _from_predictions(run, record)


def _from_predictions(run: Run, record: Record) -> Matches:
    path = run.folder / PREDICTIONS
    if not path.is_file():
        raise InputError(f"{path} is gone: without the predictions nothing can be compared.")
    _check_unchanged(path, record["checksums"]["predictions"])
    if not run.eval_annotations.is_file():
        raise InputError(
            f"{run.folder} has no {MATCHES}, and {run.eval_annotations}, from which it would be "
            "made, is not there: bring the file of evaluation annotations along."
        )
    return mask_matches(
        run.eval_annotations,
        read_predictions(path),
        classes=run.spec["data"]["classes"],
        tool=record["metrics"].get("tool", ""),
    )


def _check_unchanged(path: Path, sha256: str | None) -> None:
    if sha256_file(path) != sha256:
        raise InputError(f"{path} is not what its record was made from: it was changed.")
