"""Methods over all noise settings that they share, of one suite or of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from noisyseg.bench.reporting.setting_comparison import SettingComparison
from noisyseg.results.statistics.aggregates import Aggregate, Floats, aggregate

_POINTS = 201  # of a profile


@dataclass(kw_only=True, slots=True, frozen=True)
class AcrossSettings:
    """Methods over their settings; numbers are AP in percent of the baseline's mean at a setting.

    Attributes:
        tasks: names of the settings that count, at least two.
        baseline: a method's label.
        aggregates: method → what it came to.
        thresholds: of the profiles, in the same percent, shape (K,).
        left_out: methods that lack some of the settings.
    """

    tasks: Sequence[str]
    baseline: str
    aggregates: Mapping[str, Aggregate]
    thresholds: Floats
    left_out: Sequence[str]

    def document(self) -> dict[str, Any]:
        """All of it as data, for JSON."""
        return {
            "tasks": list(self.tasks),
            "left_out": list(self.left_out),
            "thresholds": self.thresholds.tolist(),
            "methods": [
                {
                    "method": method,
                    "runs": found.runs,
                    "interquartile_mean": found.mean,
                    "low": found.low,
                    "high": found.high,
                    "profile": found.profile.tolist(),
                    "profile_low": found.profile_low.tolist(),
                    "profile_high": found.profile_high.tolist(),
                }
                for method, found in self.aggregates.items()
            ],
        }


def across_settings(
    settings: Mapping[str, SettingComparison], *, seed: int = 0
) -> AcrossSettings | None:
    """What methods come to over all settings; None for fewer than two.

    Settings differ in how hard they are, so that each run's AP is taken in percent of the
    baseline's mean at its setting. A setting at which the baseline has no AP at all is left out.

    Args:
        settings: name → what was compared there, against one baseline.
        seed: of the draws.
    """
    means = {
        name: fmean(setting.values[setting.baseline].values()) for name, setting in settings.items()
    }
    known = {name: setting for name, setting in settings.items() if means[name] > 0}
    if len(known) < 2:
        return None
    baseline = next(iter(known.values())).baseline
    methods = list(dict.fromkeys(m for setting in known.values() for m in setting.values))
    scores = {
        method: {
            name: [100 * ap / means[name] for ap in setting.values[method].values()]
            for name, setting in known.items()
        }
        for method in methods
        if all(method in setting.values for setting in known.values())
    }
    runs = [run for of_method in scores.values() for task in of_method.values() for run in task]
    thresholds = np.linspace(min(runs), max(runs), _POINTS, dtype=np.float64)
    return AcrossSettings(
        tasks=list(known),
        baseline=baseline,
        aggregates={
            m: aggregate(own, thresholds, scale=scores[baseline], seed=seed)
            for m, own in scores.items()
        },
        thresholds=thresholds,
        left_out=[method for method in methods if method not in scores],
    )
