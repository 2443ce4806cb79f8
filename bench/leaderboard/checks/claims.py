"""What a bundle says its settings come to, computed once more from the runs' own numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from noisyseg.bench.leaderboard.checks.check import Check, held, named
from noisyseg.bench.leaderboard.contents import Claim
from noisyseg.results.records.metrics import METRICS, metric_value

TOLERANCE = 1e-6
"""Of a mean or a deviation in percent."""
_WHAT = "every claimed mean, deviation and count is what the predictions come to"


def summaries(metrics: Sequence[Mapping[str, Any]]) -> dict[str, Claim]:
    """Metric → what it comes to over the runs of a setting; only metrics that some run has."""
    values = {name: [metric_value(entry, name) for entry in metrics] for name in METRICS}
    known = {name: [v for v in found if v is not None] for name, found in values.items()}
    return {name: claim(found) for name, found in known.items() if found}


def claim(values: Sequence[float]) -> Claim:
    """Mean and sample standard deviation of at least one number.

    Sums are exact, so that no order and no library shows in the last digit.
    """
    n = len(values)
    mean = math.fsum(values) / n
    squares = math.fsum((value - mean) * (value - mean) for value in values)
    return Claim(n=n, mean=mean, sd=math.sqrt(squares / (n - 1)) if n > 1 else None)


def check_claims(
    claims: Mapping[str, Mapping[str, Claim]], metrics: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[Check]:
    """Hold a bundle's claims against the numbers of its runs.

    Args:
        claims: label of a setting → metric → claim.
        metrics: label of a setting → the metrics of its runs.
    """
    checks = [
        held(
            "claims.settings",
            "there are claims for the settings that have runs",
            _others(claims, metrics),
        )
    ]
    for label in sorted(claims.keys() & metrics.keys()):
        problems = _problems(claims[label], summaries(metrics[label]))
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        checks.append(
            held("claims.numbers", f"{label}: {_WHAT}", "; ".join(problems[:5]) + more or None)
        )
    return checks


def _others(claims: Mapping[str, Any], metrics: Mapping[str, Any]) -> str | None:
    other = sorted(claims.keys() ^ metrics.keys())
    return f"not so: {named(other)}" if other else None


def _problems(claims: Mapping[str, Claim], found: Mapping[str, Claim]) -> list[str]:
    problems = []
    for name in sorted(claims.keys() | found.keys()):
        if name not in claims or name not in found:
            problems.append(f"{name}: {'no claim' if name in found else 'no run has it'}")
            continue
        claim, summary = claims[name], found[name]
        for part in ("n", "mean", "sd"):
            stated, recomputed = getattr(claim, part), getattr(summary, part)
            if not _same(stated, recomputed):
                problems.append(f"{name}: {part} claimed {stated!r}, found {recomputed!r}")
    return problems


def _same(stated: float | None, found: float | None) -> bool:
    if stated is None or found is None:
        return stated is found
    return math.isfinite(stated) and abs(stated - found) <= TOLERANCE
