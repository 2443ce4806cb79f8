"""A bundle verified: nothing in it is believed that can be computed once more, or run."""

import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from noisyseg.bench.leaderboard.archive import Bundle, unpacked
from noisyseg.bench.leaderboard.checks.check import Check, held
from noisyseg.bench.leaderboard.checks.claims import check_claims
from noisyseg.bench.leaderboard.checks.installed import Installed, installed
from noisyseg.bench.leaderboard.checks.methods import check_card, check_method, check_unknown_method
from noisyseg.bench.leaderboard.checks.noise import make_noise
from noisyseg.bench.leaderboard.checks.predictions import check_alike
from noisyseg.bench.leaderboard.checks.run_checks import (
    RunFound,
    cell_of,
    check_imported,
    check_run,
)
from noisyseg.bench.leaderboard.checks.seeds import (
    check_no_noise_seeds,
    check_noise_seeds,
    check_seeds,
    suite_seed_remarks,
)
from noisyseg.bench.leaderboard.checks.suites import check_suite
from noisyseg.bench.leaderboard.contents import Contents, member
from noisyseg.bench.leaderboard.copies import Detected, check_copies, detected
from noisyseg.bench.leaderboard.draws import drawn
from noisyseg.bench.leaderboard.ground import Ground
from noisyseg.bench.leaderboard.limits import LIMITS
from noisyseg.bench.leaderboard.papers import Papers, read_papers
from noisyseg.bench.leaderboard.published_detections import Compared, published_remarks
from noisyseg.bench.leaderboard.verdict import Verdict, verdict_of
from noisyseg.bench.runs.run import PREDICTIONS
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.results.evaluation.predictions import Predictions
from noisyseg.results.leaderboard.entry import ground_of

_log = logging.getLogger(__name__)
_WHOLE = "the archive holds the files of a bundle, whole, and nothing else"
_CLAIMED = (
    "that the predictions, and what the logs tell, came of the training that is claimed: only "
    "training again tells (leaderboard reproduce)"
)
_UNKNOWN = (
    "model, method, noise and training: the predictions were made by other code, and how is as the "
    "submitter says"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A verdict, and what it is about.

    Attributes:
        papers, installed: None where verification did not get so far.
        runs: as they were found.
    """

    verdict: Verdict
    papers: Papers | None
    installed: Installed | None
    runs: Sequence[RunFound]


GroundOf = Callable[[str, str | None], Ground]
"""Of a suite's name and its variant."""


def verify(
    path: Path, ground_of: GroundOf, *, published: Path | None = None, draws: bool = False
) -> Verified:
    """Hold a bundle against all that can be computed once more.

    Args:
        path: of the archive.
        ground_of: gives what a bundle of a suite of that name is held against.
        published: folder of published entries: copies of their detections are pointed out.
        draws: whether each run's precision of the leaderboard's draws of images is wanted, too.

    Raises:
        InputError: no such file; what `ground_of` raises.
    """
    if not path.is_file():
        raise InputError(f"no bundle {path}: wanted the file that `leaderboard submit` wrote.")
    with tempfile.TemporaryDirectory(prefix="noisyseg-verify-") as work:
        folder = Path(work, "bundle")
        bundle, problem = _unpacked(path, folder)
        if bundle is None:
            archive = _of_archive(path)
            checks = [held("archive.files", _WHOLE, problem)]
            return _refused(verdict_of(archive, None, checks, with_data=False))
        archive, checks = (bundle.sha256, bundle.bytes), [held("archive.files", _WHOLE, None)]
        papers, checks_of_papers = read_papers(folder)
        checks += checks_of_papers
        if papers is None:
            return _refused(verdict_of(archive, None, checks, with_data=False))
        ground = ground_of(papers.contents.suite, papers.stated.variant)
        examined = _Examined(papers=papers, folder=folder, checks=checks)
        examined.try_to_examine(ground, Path(work, "annotations"))
        if published is not None:
            examined.compare(published, bundle.sha256)
        if draws and not any(check.state == "fails" for check in examined.checks):
            examined.draw()
    names = (papers.contents.suite, papers.contents.method)
    with_data = ground.data is not None
    return Verified(
        verdict=verdict_of(archive, names, _placeless(examined.checks, work), with_data=with_data),
        papers=papers,
        installed=examined.installed,
        runs=examined.runs,
    )


def _unpacked(path: Path, folder: Path) -> tuple[Bundle | None, str | None]:
    """The bundle unpacked, or what is wrong with the archive."""
    try:
        return unpacked(path, folder), None
    except InputError as error:
        return None, str(error).replace(f"{folder}/", "")


def _of_archive(path: Path) -> tuple[str | None, int]:
    """SHA-256 and size; to hash what is too large to be one could take hours."""
    size = path.stat().st_size
    return (None if size > LIMITS.archive else sha256_file(path)), size


def _placeless(checks: Sequence[Check], work: str) -> list[Check]:
    """Checks whose reasons name files as the bundle has them, and not where they were unpacked."""
    return [replace(check, detail=check.detail.replace(f"{work}/", "")) for check in checks]


def _refused(verdict: Verdict) -> Verified:
    return Verified(verdict=verdict, papers=None, installed=None, runs=())


@dataclass(slots=True, kw_only=True)
class _Examined:
    """A bundle in a folder, and what has been found of it so far.

    Attributes:
        evaluated: the images of each run's predictions; its detections would fill the memory.
    """

    papers: Papers
    folder: Path
    checks: list[Check]
    installed: Installed | None = None
    runs: list[RunFound] = field(default_factory=list)
    detections: dict[str, Detected] = field(default_factory=dict)
    evaluated: list[Predictions] = field(default_factory=list)

    def try_to_examine(self, ground: Ground, shared: Path) -> None:
        """As `examine`; what stops it refuses the bundle, unless it is this machine's fault."""
        try:
            self.examine(ground, shared)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 (nobody foresees all that strangers write)
            _log.warning("verification stopped", exc_info=not isinstance(error, InputError))
            problem = f"{type(error).__name__}: {error}"
            self.checks.append(held("verification.end", "every check came to its end", problem))

    def examine(self, ground: Ground, shared: Path) -> None:
        """Make every check but that for copies of others."""
        contents, stated = self.papers.contents, self.papers.stated
        said = {"data": stated.data, "model": stated.model}
        try:
            against = installed(
                ground.suite, ground.data, shared, stated=said, has_weights=ground.has_weights
            )
        except InputError as error:
            self.checks.append(held("suite.data", "the data are the suite's", str(error)))
            return
        self.installed = against
        self.checks += check_suite(contents, stated, against)
        cells = [cell_of(run) for run in contents.runs]
        if any(cell.noise not in against.settings for cell in cells):
            return  # nothing says what its runs should be
        self.checks += check_seeds(cells, against)
        trained = contents.kind == "trained"
        seeds = check_noise_seeds(cells, against) if trained else check_no_noise_seeds(cells)
        self.checks.append(seeds)
        card, method = self.papers.card, stated.method
        self.checks.append(check_card(method, contents.method, card))
        if trained:
            self.checks += suite_seed_remarks(cells, against)
            self.checks += check_method(method, contents.method, ground.suite, self.folder)
        else:
            self.checks += check_unknown_method(method, contents.method, ground.suite, self.folder)
        self._examine_runs(against)
        self.checks.append(check_alike(self.evaluated))
        self.checks += check_copies(self.detections, _trainings(self.runs))
        self.checks += _claim_checks(contents, self.runs)
        claimed = _CLAIMED if trained else _UNKNOWN
        self.checks.append(Check(id="training", state="claimed", what=claimed))

    def compare(self, published: Path, own: str) -> None:
        """Point out detections of published entries but for that of the bundle itself."""
        if self.detections and self.installed is not None:
            contents = self.papers.contents
            files = {key: contents.files[member(key, PREDICTIONS)] for key in self.detections}
            compared = Compared(
                sha256=own,
                suite=contents.suite,
                ground=ground_of(dict(self.installed.common)),
                files={key: file.sha256 for key, file in files.items()},
                detections=self.detections,
            )
            self.checks += published_remarks(published, compared)

    def draw(self) -> None:
        """Compute each run's precision of every draw of images."""
        assert self.installed is not None
        self.runs = [drawn(run, self.folder, self.installed) for run in self.runs]

    def _examine_runs(self, against: Installed) -> None:
        contents, method = self.papers.contents, self.papers.stated.method
        trained = contents.kind == "trained"
        cells = {cell_of(run) for run in contents.runs}
        made = make_noise(cells, against) if trained and against.data is not None else {}
        for run in contents.runs:
            if trained:
                found, checks = check_run(run, self.folder, method, made, against)
            else:
                stated = contents.files[member(run.key, PREDICTIONS)].sha256
                found, checks = check_imported(run, self.folder, stated, against)
            self.checks += checks
            self.runs.append(replace(found, predictions=None))
            if found.predictions is not None:
                self.detections[run.key] = detected(found.predictions)
                self.evaluated.append(replace(found.predictions, detections=[]))


def _trainings(runs: Sequence[RunFound]) -> dict[str, tuple[str | None, int]]:
    """What each run was trained on, and its train seed."""
    return {
        run.key: (run.record["checksums"]["noisy_annotations"], run.cell.train_seed)
        for run in runs
        if run.record is not None
    }


def _claim_checks(contents: Contents, runs: Sequence[RunFound]) -> list[Check]:
    what = "every claimed mean, deviation and count is what the predictions come to"
    absent = [run.key for run in runs if run.metrics is None]
    if absent:
        todo = f"{what}: {len(absent)} runs have no numbers that hold"
        return [Check(id="claims.numbers", state="unchecked", what=todo)]
    labels = dict.fromkeys(run.cell.noise for run in runs)
    metrics = {
        label: [run.metrics for run in runs if run.cell.noise == label and run.metrics is not None]
        for label in labels
    }
    return check_claims(contents.claims, metrics)
