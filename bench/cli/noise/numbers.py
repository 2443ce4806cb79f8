"""Shares of annotations as the `noise` commands print them."""

from collections.abc import Sequence


def percent(share: float | None) -> str:
    """A share in percent; — where there is none."""
    return "—" if share is None else f"{100 * share:.1f} %"


def interval(limits: Sequence[float] | None) -> str:
    """A 95 % interval in brackets, to follow its rate; nothing where there is none."""
    if limits is None:
        return ""
    return f" (95 % interval {100 * limits[0]:.1f} – {100 * limits[1]:.1f} %)"
