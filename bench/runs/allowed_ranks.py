"""How many processes may train a run together."""

from collections.abc import Mapping
from typing import Any

from noisyseg.errors import InputError
from noisyseg.methods.method import ResolvedMethod


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
            f"devices for a run: wanted at most {passes} with protocol {protocol['name']}, whose "
            f"step has {passes} {'pass' if passes == 1 else 'passes'} (batch_size {batch} / "
            f"micro_batch {micro}), got {count}. Take fewer devices a run, or a protocol with a "
            "smaller micro_batch: it is part of the run's key, since each pass normalises its own "
            "losses."
        )
    if not method.start().is_mergeable:
        raise InputError(
            f"method {method.name!r} of {method.method.origin} keeps a state (state_dict) and "
            f"cannot be trained on {count} devices at once: add merged_state(self, before, states) "
            "to its class, which makes one state of the ranks' (see noisyseg.methods.running), or "
            "take one device a run."
        )
