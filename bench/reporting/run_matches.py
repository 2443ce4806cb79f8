"""What was matched in a run's images, from the files that it left."""

from pathlib import Path

from noisyseg.bench.runs.run import MATCHES, PREDICTIONS, Run
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.results.evaluation.evaluation import mask_matches
from noisyseg.results.evaluation.image_matches import Matches
from noisyseg.results.evaluation.matches_file import matched_of, read_matches
from noisyseg.results.evaluation.predictions import read_predictions
from noisyseg.results.records.record import Record


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
        matches = read_matches(path)
        if matched_of(path)[0] != record["checksums"]["predictions"]:
            raise InputError(
                f"{path} is of other predictions than its record: remove it, or bring the run's "
                "own."
            )
        return matches
    return _from_predictions(run, record)


def _from_predictions(run: Run, record: Record) -> Matches:
    path = run.folder / PREDICTIONS
    if not path.is_file():
        raise InputError(
            f"{run.folder} has neither {MATCHES} nor {PREDICTIONS}: without what the run found "
            "nothing can be compared. Bring one of them along, beside the record."
        )
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
