"""Numbers that are made of a run's: relative AP, and AP over the classes that noise touches."""

import math
from collections.abc import Collection, Mapping
from typing import Any

from noisyseg.results.statistics.fates import FATES

RELATIVE, TOUCHED, UNTOUCHED = "relative.AP", "touched.AP", "untouched.AP"
DERIVED = {
    RELATIVE: "Mask AP, of that with clean labels (%)",
    TOUCHED: "Mask AP over the classes that the noise touches (%)",
    UNTOUCHED: "Mask AP over the classes that the noise leaves alone (%)",
    **FATES,
}
"""Metric → what it is; those of a run's log are told of in `fates`."""


def relative(noisy: float | None, clean: float | None) -> float:
    """A noisy AP in percent of the clean one; NaN where either is not known, or clean is 0.

    >>> relative(15.0, 30.0)
    50.0
    >>> relative(15.0, None)
    nan
    """
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
