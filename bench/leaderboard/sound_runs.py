"""Runs that can be shown to others: all there, done, and whole; or what is wrong with each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from noisyseg.bench.leaderboard.contents import member
from noisyseg.bench.leaderboard.documents import check_document
from noisyseg.bench.leaderboard.zip_writing import Packed, packed
from noisyseg.bench.runs.recorded_runs import content_of
from noisyseg.bench.runs.run import LOG, MANIFEST, PREDICTIONS, Run
from noisyseg.errors import InputError
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RECORD_NAME, RunStore, is_done, is_stopped

_FILES = {"predictions": PREDICTIONS, "log": LOG, "manifest": MANIFEST}
_MOST_NAMED = 40


@dataclass(kw_only=True, slots=True, frozen=True)
class SoundRun:
    """A run that is done, and its files, each as its record says."""

    run: Run
    record: Record
    files: Sequence[Packed]


def sound_runs(runs: Sequence[Run], store: RunStore) -> list[SoundRun]:
    """Every run of a method, in the order of setting, noise seed and train seed.

    Args:
        runs: of one method, done or not; the settings in the suite's order.
        store: that they lie in.

    Raises:
        InputError: what is wrong with each that is missing, failed or damaged, seeds that one
            setting has and another lacks, or runs of another version of noisyseg.
    """
    found, problems = [], _lacking(runs)
    for run in _ordered(runs):
        try:
            found.append(_sound(run, store))
        except InputError as error:
            problems.append(f"{_named(run)}: {error}")
    if problems:
        left = len(problems) - _MOST_NAMED
        lines = problems[:_MOST_NAMED] + ([f"and {left} more"] if left > 0 else [])
        raise InputError("".join(f"\n  {line}" for line in lines))
    return found


def _ordered(runs: Iterable[Run]) -> list[Run]:
    runs = list(runs)
    labels = list(dict.fromkeys(run.noise_label for run in runs))
    return sorted(
        runs,
        key=lambda run: (
            labels.index(run.noise_label),
            -1 if run.noise_seed is None else run.noise_seed,
            run.seed,
        ),
    )


def _sound(run: Run, store: RunStore) -> SoundRun:
    """The run, if it can be submitted.

    Raises:
        InputError: why not.
    """
    record, problem = store.peek(run.spec, run.key)
    if problem is not None:
        raise InputError(problem)
    if record is None:
        raise InputError("missing, it was not run")
    if is_stopped(record):
        raise InputError("stopped before its end, to go on another time")
    if not is_done(record):
        raise InputError(f"failed: {record['failure']['type']}")
    if not content_of(run.spec).current:
        raise InputError(
            "of another version of training or evaluation than this noisyseg's; submit it with the "
            "noisyseg that trained it, or train it again"
        )
    own = packed(member(run.key, RECORD_NAME), run.folder / RECORD_NAME)
    names = [name for name in _FILES if name != "manifest" or run.noise_seed is not None]
    return SoundRun(
        run=run, record=record, files=[own, *(_as_recorded(run, record, name) for name in names)]
    )


def _as_recorded(run: Run, record: Record, name: str) -> Packed:
    stated = record["checksums"][name]  # type: ignore[literal-required]
    path = run.folder / _FILES[name]
    if stated is None:
        raise InputError(f"its record names no {name}")
    if not path.is_file():
        raise InputError(f"{path} is not there")
    file = packed(member(run.key, _FILES[name]), path)
    if file.sha256 != stated:
        raise InputError(f"{path} is not what its record says: it was changed or cut short")
    if name != "predictions":  # whose bytes are those that were checked as they were written
        check_document(path, file.name)
    return file


def _lacking(runs: Sequence[Run]) -> list[str]:
    """Seeds that some settings have and others lack; a clean run stands for every noise seed."""
    noisy: dict[str, set[tuple[int, int]]] = {}
    clean: dict[str, set[int]] = {}
    for run in runs:
        if run.noise_seed is None:
            clean.setdefault(run.noise_label, set()).add(run.seed)
        else:
            noisy.setdefault(run.noise_label, set()).add((run.noise_seed, run.seed))
    pairs = set().union(*noisy.values())
    trained = {train for _, train in pairs}
    of_clean = set().union(*clean.values())
    pairs |= {(seed, seed) for seed in of_clean - trained}
    lacking = [
        (label, _seeds(*pair)) for label, own in noisy.items() for pair in sorted(pairs - own)
    ]
    lacking += [
        (label, f"seed {seed}")
        for label, own in clean.items()
        for seed in sorted((trained | of_clean) - own)
    ]
    return [f"{label}, {seeds}: missing, another setting has it" for label, seeds in lacking]


def _named(run: Run) -> str:
    seeds = f"seed {run.seed}" if run.noise_seed is None else _seeds(run.noise_seed, run.seed)
    return f"{run.noise_label}, {seeds} ({run.key})"


def _seeds(noise: int, train: int) -> str:
    return f"seed {train}" if noise == train else f"noise seed {noise}, train seed {train}"
