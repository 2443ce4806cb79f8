"""What became of a run's wrong labels: numbers of its log, in percent.

Counted are the positive RoIs that training sampled in an epoch and whose annotation has a wrong
label, by what the last box head predicts for each before the step that it takes part in. So they
tell of training images, and of weights that change within the epoch; with `average_last` of the
weights before they are averaged, while AP is of the mean. The three shares and that of the RoIs
predicted as another class make 100 %.

By its bare name a metric is of the last epoch. With `.best` it is of the epoch that recovers most,
which the truth chooses: what stopping there would have been worth, and nothing that a user can do.
"""

import math
from collections.abc import Mapping, Sequence

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
"""Metric → what it is."""


def more_is_better(metric: str) -> bool:
    """Whether the highest number is the best: of all metrics but those of labels not recovered."""
    return metric not in FATES or metric.removesuffix(BEST) == "recovered"


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
