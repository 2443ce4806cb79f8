"""Which runs have their first epochs in common, and which of them trains these for all.

Runs are one training so far if they differ in nothing but the method, and the methods are the same
one in these epochs (`registry.beginning`). One of them, the trunk, leaves its state at the epochs
at which others part from it; these, the branches, begin there. Every bit is as if each had trained
for itself, on one kind of device.
"""

import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from noisyseg.bench.runs.checkpoint_files import has_checkpoint
from noisyseg.bench.runs.prefix import FOLDER, Prefix, prefix_ready
from noisyseg.bench.runs.rehearsal import is_rehearsal
from noisyseg.bench.runs.run import LOG, Run
from noisyseg.bench.runs.training_note import read_training_note
from noisyseg.bench.training.threshold import threshold_of
from noisyseg.errors import InputError
from noisyseg.files import canonical_json, sha256_bytes
from noisyseg.methods.built_in import METHODS
from noisyseg.methods.method import MethodSource, ResolvedMethod
from noisyseg.methods.plugins import load_method
from noisyseg.methods.registry import TAKEN, beginning, find
from noisyseg.results.records.store import RunStore, is_done


@dataclass(kw_only=True, slots=True, frozen=True, eq=False)
class _Member:
    """A run that is to be trained, among those that begin alike.

    Attributes:
        epochs: in which it is what they all are.
        itself: whether that is its own method.
        threshold: that its log goes by.
        passed: how many epochs it may have done; it leaves nothing of them any more.
        anew: whether it has no checkpoint to go on from.
    """

    run: Run
    epochs: int
    itself: bool
    threshold: float
    passed: int
    anew: bool


def plan_prefixes(runs: Sequence[Run], root: Path) -> list[Run]:
    """The runs with `prefix` and `leaves` set, trunks first, else in their order.

    Runs that are done neither begin from anything nor leave it; a prefix that still lies there is
    used. A run with a checkpoint goes on from that. Of rehearsals each is one of its own.

    Args:
        runs: of which those that are not done are to be trained.
        root: of their store.
    """
    store = RunStore(root)
    methods: dict[bytes, ResolvedMethod | None] = {}
    groups: dict[str, list[_Member]] = {}
    for run in {run.key: run for run in runs}.values():
        if is_rehearsal(run.spec["protocol"]) or _ended(run, store):
            continue
        method = _method(run, methods)
        if method is not None:
            group, member = _member(run, method)
            groups.setdefault(group, []).append(member)
    prefixes: dict[str, Prefix] = {}
    leaves: dict[str, dict[Prefix, None]] = {}
    for group, members in groups.items():
        _share(group, members, root.absolute() / FOLDER, prefixes, leaves)
    planned = [
        replace(run, prefix=prefixes.get(run.key), leaves=tuple(leaves.get(run.key, ())))
        for run in runs
    ]
    return sorted(planned, key=lambda run: not run.leaves)


def _share(
    group: str,
    members: Sequence[_Member],
    folder: Path,
    prefixes: dict[str, Prefix],
    leaves: dict[str, dict[Prefix, None]],
) -> None:
    """Decide who begins from what and who leaves it: those that have most in common first."""
    for epochs in sorted({member.epochs for member in members}, reverse=True):
        key = _prefix_key(group, epochs)
        waiting = []
        for member in members:
            if member.epochs == epochs and member.anew:
                prefix = Prefix(
                    key=key, epochs=epochs, path=folder / key, threshold=member.threshold
                )
                if prefix_ready(prefix):
                    prefixes[member.run.key] = prefix
                else:
                    waiting.append((member, prefix))
        trunk = _trunk(epochs, [m for m in members if m.run.key not in prefixes])
        for member, prefix in waiting:
            if trunk is not None and member is not trunk:
                prefixes[member.run.key] = prefix
                leaves.setdefault(trunk.run.key, {})[prefix] = None


def _trunk(epochs: int, members: Sequence[_Member]) -> _Member | None:
    """Who leaves the state after so many epochs: who goes on longest from there, of those able."""
    able = [member for member in members if member.passed < epochs <= member.epochs]
    return max(able, key=lambda member: (member.epochs, member.itself), default=None)


def trunk_of(runs: Iterable[Run]) -> dict[str, str]:
    """The key of each branch, and that of the run of these which leaves what it begins from."""
    runs = list(runs)
    trunks = {prefix: run.key for run in runs for prefix in run.leaves}
    return {run.key: trunks[run.prefix] for run in runs if run.prefix in trunks}


def saved_epochs(runs: Iterable[Run]) -> int:
    """How many epochs need not be trained, since others train them."""
    unique = {run.key: run.prefix for run in runs}.values()
    return sum(prefix.epochs for prefix in unique if prefix is not None)


def epochs_in_common(methods: Mapping[str, ResolvedMethod], num_epochs: int) -> dict[str, int]:
    """As `saved_epochs`, by the method's label, of one run each that differ in nothing else."""
    found = {label: beginning(method, num_epochs) for label, method in methods.items()}
    groups: dict[bytes, list[str]] = {}
    for label, (other, _) in found.items():
        groups.setdefault(canonical_json(other.spec()), []).append(label)
    spared = {label: epochs for label, (_, epochs) in found.items()}
    for labels in groups.values():
        trunk = max(labels, key=lambda label: (found[label][1], found[label][0] is methods[label]))
        spared[trunk] = 0
    return spared


def drop_prefixes(runs: Iterable[Run], done: Collection[str]) -> None:
    """Remove the prefixes of these runs that none of them needs any more.

    Args:
        runs: planned together.
        done: keys of those that are done.
    """
    needed: dict[Path, bool] = {}
    for run in runs:
        if run.prefix is not None:
            path = run.prefix.path
            needed[path] = needed.get(path, False) or run.key not in done
    for path in (path for path, is_needed in needed.items() if not is_needed):
        shutil.rmtree(path, ignore_errors=True)


def unneeded_prefixes(store: RunStore) -> list[Path]:
    """The folders of prefixes in a store that no run needs which it has and which is not done.

    Where a run is of a method that is not built in, or its spec or record cannot be read, nobody
    knows here what it needs: then all are kept.
    """
    there = sorted(path for path in (store.root / FOLDER).glob("*") if path.is_dir())
    needed: set[str] = set()
    problems: list[str] = []
    for folder in store.run_folders() if there else ():
        spec, record = store.run_in(folder, problems)
        if spec is not None and not is_done(record):
            try:
                needed.add(_needed(spec))
            except (LookupError, TypeError, ValueError):
                return []
    return [] if problems else [path for path in there if path.name not in needed]


def _needed(spec: Mapping[str, Any]) -> str:
    """The key of the prefix that a run by a built-in method can begin from."""
    method = METHODS[spec["method"]["name"]]
    resolved = ResolvedMethod(method=method, parameters=spec["method"]["parameters"])
    other, epochs = beginning(resolved, spec["protocol"]["epochs"])
    return _prefix_key(_group(spec, other), epochs)


def _member(run: Run, method: ResolvedMethod) -> tuple[str, _Member]:
    other, epochs = beginning(method, run.spec["protocol"]["epochs"])
    anew = not has_checkpoint(run.folder)
    return _group(run.spec, other), _Member(
        run=run,
        epochs=epochs,
        itself=other is method,
        threshold=threshold_of(method),
        passed=0 if anew else _lines(run.folder / LOG),
        anew=anew,
    )


def _group(spec: Mapping[str, Any], other: ResolvedMethod) -> str:
    """The hash of all that decides the epochs that runs have in common, but for their number."""
    return sha256_bytes(canonical_json({**spec, "method": other.spec()}))


def _prefix_key(group: str, epochs: int) -> str:
    return sha256_bytes(f"{group} {epochs}".encode())[:16]


def _ended(run: Run, store: RunStore) -> bool:
    """Whether there is nothing left of it to train."""
    record, _ = store.peek(run.spec, run.key)
    return is_done(record) or read_training_note(run) is not None


def _lines(log: Path) -> int:
    """Epochs that a log tells of: a checkpoint is of no later one."""
    return log.read_bytes().count(b"\n") if log.is_file() else 0


def _method(run: Run, known: dict[bytes, ResolvedMethod | None]) -> ResolvedMethod | None:
    """The run's method; None if this machine has another by its name, as the run itself will say.

    Not resolved as a suite's: that its parameters are in their range has been seen there.
    """
    planned = run.spec["method"]
    name = canonical_json(planned)
    if name not in known:
        known[name] = _found(planned, run.method_source)
    return known[name]


def _found(planned: Mapping[str, Any], source: MethodSource | None) -> ResolvedMethod | None:
    try:
        own = {} if source is None else {planned["name"]: load_method(source, taken=TAKEN)}
        method = find(planned["name"], own=own)
    except InputError:
        return None
    resolved = ResolvedMethod(method=method, parameters=planned["parameters"])
    return resolved if resolved.spec() == planned else None
