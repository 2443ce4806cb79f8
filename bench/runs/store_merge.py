"""One store's runs and annotation files taken into another: two machines' work in one place.

The store that is taken from is read alone. A run's files are copied one by one, its record last, so
that a merge that is stopped leaves a run that is not done yet, and the next call copies the rest.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from noisyseg.bench.datasets.checked_annotations import NOTE as CHECKED
from noisyseg.bench.runs.checkpoint_files import has_checkpoint
from noisyseg.bench.runs.inputs import SHARED
from noisyseg.bench.runs.run_copy import at_rest, complete_run, copy_run, damage, files_of
from noisyseg.bench.runs.state import state_of
from noisyseg.bench.runs.suite_note import FOLDER as SUITES
from noisyseg.bench.runs.suite_note import merged_note
from noisyseg.bench.runs.training_note import NAME as TRAINED
from noisyseg.bench.runs.verified_copy import copy_verified, is_same
from noisyseg.errors import InputError
from noisyseg.files import sha256_file, write_atomically
from noisyseg.results.evaluation.verification import metric_differences
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RECORD_NAME, SPEC_NAME, RunStore

CONFLICTS = ".conflicts"
"""In the store that is merged into: what the other has otherwise, below its own path."""
_OF_RUNS = (RECORD_NAME, SPEC_NAME)
_RANK = {"waiting": 1, "stopped": 2, "failed": 2, "done": 3}


@dataclass(slots=True, kw_only=True)
class Merge:
    """What a merge did.

    Attributes:
        copied: runs that were taken over, or of which files were missing.
        present: how many were there already, as good or better.
        files: how many annotation files and notes of suites were copied or added to.
        skipped: runs that a process works on.
        conflicts: what both stores have and have otherwise; and where the other's is kept.
        problems: what cannot be read, or is not what its record says.
    """

    copied: list[str] = field(default_factory=list)
    present: int = 0
    files: int = 0
    skipped: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether the store now has, or had, all that the other has, and nothing contradicts it."""
        return not (self.conflicts or self.problems)


def check_store(root: Path) -> None:
    """Refuse a folder that holds no runs.

    Raises:
        InputError: with what was wanted.
    """
    store = RunStore(root)
    store.check_there()
    known = (Path(folder, name) for folder in store.run_folders() for name in _OF_RUNS)
    if not any(path.exists() for path in known):
        raise InputError(
            f"{root} is no store: it has no run (<data set>/<method>/<key>/{RECORD_NAME}). "
            "Name the folder that was given to `run --out`."
        )


def merge_stores(into: Path, source: Path, tell: Callable[[str], None] = lambda _: None) -> Merge:
    """Take over what a store has more of: runs, and the files that they share.

    Of a run that both have, done beats failed and failed beats waiting, but for training that goes
    on from its checkpoint: no failure is worth that. Two records of the same run
    that are both done and not the same are a conflict, as are two shared files of one name: the
    first store keeps its own, the other's is copied below its `CONFLICTS`.

    Args:
        into: the store that is added to.
        source: the store that is read.
        tell: given the name of each run before it is looked at.

    Raises:
        InputError: one is no store, they are one, or a file cannot be read or written: call again
            then, what is copied stays.
    """
    check_store(into)
    check_store(source)
    a, b = into.resolve(), source.resolve()
    if a == b or a in b.parents or b in a.parents:
        raise InputError(f"{into} and {source}: wanted two stores, neither within the other.")
    RunStore(into).check_writable()
    merge = Merge()
    for folder in (SHARED, SUITES):
        for file in files_of(source / folder):
            _merge_shared(file, into / file.relative_to(source), into, merge)
    for pair in _pairs(RunStore(into), RunStore(source), merge):
        tell(pair.name)
        _merge_run(pair, RunStore(into), merge)
    return merge


def _merge_shared(file: Path, target: Path, into: Path, merge: Merge) -> None:
    """An annotation file, in a folder named by what it is made from, or the note of a suite."""
    if file.suffix == ".index" or (file.name == CHECKED and target.exists()):
        return  # for speed alone, and made anew
    if not target.exists():
        merge.files += copy_verified(file, target)
        return
    if is_same(file, target):
        return
    place = target.relative_to(into)
    both = merged_note(target, file) if place.parts[0] == SUITES else None
    if both is not None:
        merge.files += both != target.read_bytes()
        write_atomically(target, both)
        return
    kept = into / CONFLICTS / place.parent / sha256_file(file)[:8] / file.name
    copy_verified(file, kept)
    merge.conflicts.append(f"{place}: other bytes in {file}; kept as {kept}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run of a store, with its state (of `state.STATES`)."""

    folder: Path
    spec: Mapping[str, Any]
    state: str
    record: Record | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A run of the other store, and what this one has of it."""

    name: str
    theirs: _Run
    ours: _Run | None
    target: Path

    @property
    def gain(self) -> int:
        """Above 0 if the other store is further."""
        return _RANK[self.theirs.state] - (0 if self.ours is None else _RANK[self.ours.state])

    @property
    def records(self) -> tuple[Record, Record] | None:
        """This store's record and the other's, where both are done."""
        if self.ours is None or self.ours.state != "done" or self.theirs.state != "done":
            return None
        assert self.ours.record is not None
        assert self.theirs.record is not None
        return self.ours.record, self.theirs.record


def _pairs(into: RunStore, source: RunStore, merge: Merge) -> Iterator[_Pair]:
    """One at a time: of thousands of records few are held at once."""
    for folder in source.run_folders():
        run = _run_in(folder, source, merge.problems)
        if run is None:
            continue
        target = into.place(run.spec, run.folder.name)
        yield _Pair(
            name=str(target.relative_to(into.root)),
            theirs=run,
            ours=_run_in(str(target), into, merge.problems),
            target=target,
        )


def _run_in(folder: str, store: RunStore, problems: list[str]) -> _Run | None:
    spec, record = store.run_in(folder, problems)
    if spec is None:
        return None
    place = Path(folder)
    return _Run(folder=place, spec=spec, state=state_of(place, record), record=record)


def _merge_run(pair: _Pair, into: RunStore, merge: Merge) -> None:
    with at_rest(pair.theirs.folder) as theirs_rests, at_rest(pair.target) as ours_rests:
        running = "running" in {pair.theirs.state, pair.ours and pair.ours.state}
        if running or not (theirs_rests and ours_rests):
            merge.skipped.append(pair.name)
            return
        record = pair.theirs.record
        wrong = damage(pair.theirs.folder, record) if record is not None else None
        if wrong is not None:
            merge.problems.append(f"{pair.name}: not taken over: {wrong}")
        elif pair.gain > 0 and not (pair.theirs.state != "done" and _goes_on(pair.target)):
            into.load_or_set_aside(pair.theirs.spec)  # the bytes of a damaged record are evidence
            copy_run(pair.theirs.folder, pair.target)
            merge.copied.append(pair.name)
        elif pair.records is None:
            merge.present += 1
        else:
            _merge_done(pair, pair.records, into, merge)


def _goes_on(folder: Path) -> bool:
    """Whether a run need not begin anew: it left a checkpoint, or predictions to evaluate."""
    return (folder / TRAINED).exists() or has_checkpoint(folder)


def _merge_done(pair: _Pair, records: tuple[Record, Record], into: RunStore, merge: Merge) -> None:
    ours, theirs = records
    if ours["checksum"] != theirs["checksum"]:
        kept = into.root / CONFLICTS / pair.name / theirs["checksum"][:8]
        copy_run(pair.theirs.folder, kept)
        merge.conflicts.append(
            f"{pair.name}: done in both, {_contrast(ours, theirs)}; the other is kept as {kept}"
        )
        return
    wrong = damage(pair.target, ours)
    if wrong is not None:
        merge.problems.append(f"{pair.name}: {wrong}; {pair.theirs.folder} has it whole")
    if complete_run(pair.theirs.folder, pair.target):
        merge.copied.append(pair.name)
    else:
        merge.present += 1


def _contrast(ours: Record, theirs: Record) -> str:
    """What differs between two records of a run, for people."""
    differences = metric_differences(ours["metrics"], theirs["metrics"])
    if not differences:
        return "with the same numbers, but of two trainings (time, machine or files differ)"
    first = differences[0]
    more = f" and {len(differences) - 1} more" if len(differences) > 1 else ""
    return f"with other numbers: {first.path} {first.recorded} here, {first.found} there{more}"
