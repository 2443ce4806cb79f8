"""A run that begins from what another left, and the run that leaves it; see `prefixes`."""

import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from noisyseg.bench.runs.epoch_log import EpochLog
from noisyseg.bench.runs.prefix import Prefix, PrefixNote, prefix_ready, read_prefix_note
from noisyseg.bench.runs.run import LOG, Run
from noisyseg.bench.training.checkpoint import load_checkpoint, save_checkpoint
from noisyseg.bench.training.class_loss import MethodLoss
from noisyseg.contract import tried
from noisyseg.errors import InputError
from noisyseg.files import (
    canonical_json,
    sha256_bytes,
    sha256_file,
    write_atomically,
    write_together,
)
from noisyseg.methods.contract.batches import EPOCHS
from noisyseg.methods.contract.first_epochs import first_epochs
from noisyseg.methods.method import ResolvedMethod
from noisyseg.methods.registry import beginning
from noisyseg.results.records.training_log import KEY

State = dict[str, Any]
"""What `TrainingState.in_common` gives."""


class UnsoundPrefixError(InputError):
    """A prefix that is not there, or is not what its note says."""


def begin_branch(run: Run, method: ResolvedMethod, losses: Sequence[MethodLoss]) -> str | None:
    """Lay what a branch begins from in its folder, as a checkpoint and a log of its own.

    Nothing is done for a run that is none, or has a checkpoint to go on from.

    Args:
        run: with `prefix`, if it is a branch.
        method: the run's.
        losses: the method's in the box heads, as a training begins.

    Returns:
        Why it must begin at the start; None unless it must.
    """
    if run.prefix is None or load_checkpoint(run.checkpoint, key=run.key) is not None:
        return None
    try:
        state, log = read_prefix(run.prefix, method)
    except UnsoundPrefixError as error:
        problem = f"{error}: trained from the start"
        sys.stderr.write(f"{problem}\n")  # which is the run's log
        return problem
    write_atomically(run.folder / LOG, log)
    methods = [loss.method.state_dict() for loss in losses]
    save_checkpoint(run.checkpoint, {**state, "key": run.key, "methods": methods})
    return None


def read_prefix(prefix: Prefix, method: ResolvedMethod) -> tuple[State, bytes]:
    """What a branch by that method begins from, and the lines of its log so far.

    Returns:
        The state says by `branched_from` where it came from.

    Raises:
        UnsoundPrefixError: it is not there or not whole, or the method, being anyone's own, is
            another one than it says it is in these epochs.
    """
    what = f"the first {prefix.epochs} epochs, which other runs have in common with this one,"
    note = read_prefix_note(prefix)
    if note is None:
        raise UnsoundPrefixError(f"{what} are not there (prefix {prefix.key})")
    try:
        data, log = prefix.checkpoint.read_bytes(), prefix.log.read_bytes()
    except OSError as error:
        raise UnsoundPrefixError(f"{what} cannot be read (prefix {prefix.key})") from error
    if (sha256_bytes(data), sha256_bytes(log)) != (note["sha256"], note["logs"][prefix.log.name]):
        raise UnsoundPrefixError(f"{what} are damaged (prefix {prefix.key})")
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    _check_method(method)
    origin = {"run": note["run"], "epochs": prefix.epochs, "checkpoint": note["sha256"]}
    return {**state, "branched_from": origin}, log


def _check_method(method: ResolvedMethod) -> None:
    """Those of noisyseg are tried by its tests, others here: what they say would go unseen."""
    if method.method.file_sha256 is None:
        return
    check = tried("", partial(first_epochs, method), None)
    if not check.passed or beginning(method, EPOCHS)[0] is method:
        raise UnsoundPrefixError(f"method {method.name!r} cannot share epochs: {check.detail}")


class Trunk:
    """What a run leaves for others as it passes: its state, and their logs so far.

    What cannot be written costs others the time that they would have saved, and this run nothing.

    Args:
        run: with `leaves`.
        losses: its method's in the box heads; those who go by other thresholds watch, too.
    """

    def __init__(self, run: Run, losses: Sequence[MethodLoss]) -> None:
        self._run, self._losses = run, losses
        others = [leaf for leaf in run.leaves if leaf.threshold in losses[0].besides]
        self._logs = {leaf: EpochLog(leaf.log) for leaf in others}

    @property
    def leaves(self) -> Mapping[int, Callable[[State], None]]:
        """Epochs done, and what is to be given the state then."""
        return {leaf.epochs: self._leave for leaf in self._run.leaves}

    def start(self, epochs_done: int) -> None:
        """The run begins, from a checkpoint after so many epochs."""
        for leaf, log in self._logs.items():
            with _at_no_cost(leaf.epochs):
                log.start(epochs_done)

    def epoch(self, report: Mapping[str, Any]) -> None:
        """Add an epoch's line to the others' logs that go by other thresholds than the run's."""
        seen = {
            threshold: [loss.besides[threshold].report() for loss in self._losses]
            for threshold in self._losses[0].besides
        }
        for leaf, log in self._logs.items():
            if report["epoch"] < leaf.epochs and leaf.threshold in seen:
                with _at_no_cost(leaf.epochs):
                    log.epoch({**report, KEY: seen[leaf.threshold]})

    def _leave(self, state: State) -> None:
        leaves = [leaf for leaf in self._run.leaves if leaf.epochs == state["epoch"]]
        with _at_no_cost(state["epoch"]):
            if not all(_is_sound(leaf) for leaf in leaves):
                self._write(state, leaves)

    def _write(self, state: State, leaves: Sequence[Prefix]) -> None:
        """Write the state, the logs of those who begin from it, and last the note."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        data = buffer.getvalue()
        first = leaves[0]
        earlier = read_prefix_note(first)
        logs = {leaf: text for leaf in leaves if (text := self._lines(leaf)) is not None}
        sums = {leaf.log.name: sha256_bytes(text) for leaf, text in logs.items()}
        note: PrefixNote = {
            "key": first.key,
            "epochs": first.epochs,
            "run": self._run.key,
            "sha256": sha256_bytes(data),
            "logs": {**({} if earlier is None else earlier["logs"]), **sums},
        }
        files = [(first.checkpoint, data), *((leaf.log, text) for leaf, text in logs.items())]
        files.append((first.note, canonical_json(note)))
        write_together([(path, partial(tuple, [data])) for path, data in files])

    def _lines(self, leaf: Prefix) -> bytes | None:
        """The leaf's log; None if this run began in the middle without it."""
        path = leaf.log if leaf in self._logs else self._run.folder / LOG
        lines = path.read_bytes().splitlines(keepends=True)[: leaf.epochs]
        return b"".join(lines) if len(lines) == leaf.epochs else None


@contextmanager
def _at_no_cost(epochs: int) -> Iterator[None]:
    """Say of an error that these epochs are not left, in the run's log, and go on."""
    try:
        yield
    except (InputError, OSError) as error:
        sys.stderr.write(f"{epochs} epochs cannot be left to others: {error}\n")


def _is_sound(leaf: Prefix) -> bool:
    note = read_prefix_note(leaf)
    return (
        note is not None
        and prefix_ready(leaf)
        and sha256_file(leaf.checkpoint) == note["sha256"]
        and sha256_file(leaf.log) == note["logs"][leaf.log.name]
    )
