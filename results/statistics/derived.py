"""Numbers that are made of a run's: relative AP, AP over the classes that noise touches, and what
became of its wrong labels.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

RELATIVE, TOUCHED, UNTOUCHED = "relative.AP", "touched.AP", "untouched.AP"
BEST = ".best"
_FATES = {
    "memorised": "RoIs with a wrong label predicted as that label",
    "recovered": "RoIs with a wrong label predicted as the true one",
    "background": "RoIs with a wrong label predicted as background",
}
FATES = {
    **{name: f"{text}, in the last epoch (%)" for name, text in _FATES.items()},
    **{
        f"{name}{BEST}": f"{text}, in the epoch that recovers most (%)"
        for name, text in _FATES.items()
    },
}
"""Metric of a run's log → what it is."""
DERIVED = {
    RELATIVE: "Mask AP, of that with clean labels (%)",
    TOUCHED: "Mask AP over the classes that the noise touches (%)",
    UNTOUCHED: "Mask AP over the classes that the noise leaves alone (%)",
    **FATES,
}
"""Metric → what it is."""


def relative(noisy: float | None, clean: float | None) -> float:
    """A noisy AP in percent of the clean one; NaN where either is not known, or clean is 0."""
    return 100 * noisy / clean if noisy is not None and clean else math.nan


def mean_over_classes(per_class: Mapping[str, Any], names: Collection[str]) -> float:
    """Mean mask AP over some classes, those without ground truth left out; NaN if none is known.

    Args:
        per_class: of a record's metrics.
        names: of the classes.
    """
    values = [entry["segm"] for name, entry in per_class.items() if name in names]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else math.nan


def fate(shares: Sequence[Mapping[str, float | None]], metric: str) -> float:
    """What became of wrong labels, in percent; NaN where there were none.

    Args:
        shares: of each epoch, by name, of the RoIs with a wrong label.
        metric: one of `FATES`.
    """
    name = metric.removesuffix(BEST)
    known = [epoch for epoch in shares if epoch["recovered"] is not None]
    if metric != name:  # the first of those that recover as much
        shares = [max(known, key=lambda epoch: epoch["recovered"] or 0.0)] if known else []
    value = shares[-1][name] if shares else None
    return math.nan if value is None else 100 * value
