"""How many processes may train a run together."""

from collections.abc import Mapping, Sequence
from typing import Any

from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError
from noisyseg.files import canonical_json
from noisyseg.methods.method import ResolvedMethod


def check_runs(runs: Sequence[Run], gpus_per_run: float | None) -> None:
    """Refuse more GPUs a run than there is work for, before any run begins.

    Raises:
        InputError: as `check_ranks`, of the first run that has one.
    """
    count = max(1, int(gpus_per_run or 1))
    if count == 1:
        return
    from noisyseg.bench.training.stack import load_stack

    load_stack()
    from noisyseg.bench.runs.run_method import planned_method

    for run in {canonical_json(run.spec["method"]): run for run in runs}.values():
        check_ranks(count, run.spec["protocol"], planned_method(run))


def check_ranks(count: int, protocol: Mapping[str, Any], method: ResolvedMethod) -> None:
    """Refuse a number of ranks that a run cannot be trained by.

    Args:
        count: processes, a device each.
        protocol: resolved. A step has batch_size / micro_batch passes, and a rank whole ones.
        method: with its parameters.

    Raises:
        InputError: there are more ranks than passes, or the method has a state and does not say
            how those of several ranks become one.
    """
    if count == 1:
        return
    batch, micro = protocol["batch_size"], protocol["micro_batch"]
    passes = batch // micro
    if count > passes:
        raise InputError(
            f"devices for a run (--gpus-per-run): wanted at most {passes} with protocol "
            f"{protocol['name']}, whose step has {passes} {'pass' if passes == 1 else 'passes'} "
            f"(batch_size {batch} / micro_batch {micro}), got {count}. Take fewer, or a protocol "
            "with a smaller micro_batch, which is part of the run's key: each pass normalises its "
            "own losses."
        )
    if not method.start().is_mergeable:
        raise InputError(
            f"method {method.name!r} of {method.method.origin} keeps a state (state_dict) and "
            f"cannot be trained on {count} devices at once: add merged_state(self, before, states) "
            "to its class, which makes one state of the ranks' (see noisyseg.methods.running), or "
            "take one device a run."
        )
