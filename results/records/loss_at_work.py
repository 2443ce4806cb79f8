"""What a run's log tells of its class loss, an epoch and a box head at a time. Pure functions.

A report holds counts of RoIs with weight > 0: `sets`, and for each group of the positive ones
(`clean`, `noisy`, and `unknown` where the model could not say) the counts of `MARKS`, the mean of
the method's own loss and a histogram of the cross entropy; beside them what follows from them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

BIN_WIDTH = 0.25
BINS = 64
"""Of the histograms: 0 to 16 nats, each with its lower edge; one more for all from 16 on."""
PAPERS_THRESHOLD = 6.0
"""Of the paper's figure 5, in nats."""
PAPERS_SHARES = {"noisy": 0.885, "clean": 0.0231}
"""Of the RoIs with cross entropy above 6.0, as the paper states them for its figure 5."""
GROUPS = ("clean", "noisy", "unknown")
SETS = ("negative", "pseudo_negative", "potential_noisy", "pseudo_and_potential", "other")
"""N, PSN, PON, both PSN and PON, OS (Yang et al., ECCV 2020, section 3.1)."""
MARKS = ("rois", "potential_noisy", "above_6", "as_given", "as_true", "as_background", "as_another")
"""Of a group: how many, in PON, with cross entropy > 6.0, predicted as what."""
FATES = {
    "memorised": "as_given",
    "recovered": "as_true",
    "background": "as_background",
    "another": "as_another",
}

Report = Mapping[str, Any]


def share(part: int, whole: int) -> float | None:
    """The share that part is of whole; None where whole is 0."""
    return part / whole if whole else None


def figure5(report: Report) -> dict[str, float | None]:
    """Share of noisy and of clean RoIs with cross entropy > 6.0 (the paper, figure 5)."""
    return {
        group: share(report[group]["above_6"], report[group]["rois"])
        for group in ("noisy", "clean")
    }


def detector(report: Report) -> dict[str, float | None]:
    """PON as a detector of wrong labels: its hits and misses, precision and recall."""
    hits = report["noisy"]["potential_noisy"]
    false_alarms = report["clean"]["potential_noisy"]
    missed = report["noisy"]["rois"] - hits
    return {
        "true_positives": hits,
        "false_positives": false_alarms,
        "false_negatives": missed,
        "precision": share(hits, hits + false_alarms),
        "recall": share(hits, hits + missed),
    }


def fates(report: Report) -> dict[str, float | None]:
    """Shares of the noisy RoIs predicted as given, as truly labelled, as background, as another."""
    noisy = report["noisy"]
    return {name: share(noisy[key], noisy["rois"]) for name, key in FATES.items()}


def with_statistics(report: Report) -> dict[str, Any]:
    """The report with what follows from its counts, for whoever reads the log by eye."""
    return {
        **report,
        "figure5": figure5(report),
        "detector": detector(report),
        "noisy_shares": fates(report),
    }


def pooled(reports: Sequence[Report]) -> dict[str, Any]:
    """Counts of the same epoch of several runs, as if of one; the mean losses are left out."""
    first = reports[0]
    sums: dict[str, Any] = {"gamma": first["gamma"], "bin_width": first["bin_width"]}
    sums["sets"] = {name: sum(report["sets"][name] for report in reports) for name in SETS}
    for group in GROUPS:
        entries = [report[group] for report in reports]
        sums[group] = {mark: sum(entry[mark] for entry in entries) for mark in MARKS}
        columns = zip(*(entry["histogram"] for entry in entries), strict=True)
        sums[group]["histogram"] = [sum(column) for column in columns]
    return with_statistics(sums)


def half_time(epochs: int) -> int:
    """The last epoch (0-based) of the first half, after which the paper's method changes."""
    return max(epochs // 2 - 1, 0)
