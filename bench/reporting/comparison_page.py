"""A comparison of methods as Markdown, and what a page needs of it, from its data."""

import math
from collections.abc import Mapping
from typing import Any

from noisyseg.number_text import decimal
from noisyseg.results.report.page import NONE

_OVER_SEEDS = (
    "Over seeds and images: Student's t over seeds, each pair's spread moderated by all pairs', "
    "and a paired bootstrap over images ({draws} draws); another seed and other images are both "
    "in it."
)
_ONE_SEED = (
    "One seed: a paired bootstrap over images ({draws} draws). It is of these trained networks "
    "alone: what another seed would give is not in it, and that is more."
)
_COLUMNS = (
    "Intervals (95 %) and p are each pair's own; the verdict is by p corrected for all comparisons "
    "with {baseline} (Holm). P(above): how likely a run of one seed lies above one of {baseline}, "
    "as these runs have it: of few seeds a rough share, without an interval. "
    "Ranks are as far as every two methods are told apart, corrected for all pairs (Holm)."
)


def comparison_markdown(document: Mapping[str, Any]) -> str:
    """The page of a suite's comparison.

    Args:
        document: `suite`, `baseline`, `groups` of `SettingComparison.document` with a `name`, and
            `across` of `AcrossSettings.document`, or None.
    """
    baseline = document["baseline"]
    lines = [f"## {document['suite']}: mask AP against {baseline}", ""]
    lines.append(what_columns_are(baseline))
    for group in document["groups"]:
        lines += ["", f"### {group['name']} ({runs_of(group)})", ""]
        lines += [how_compared(group), ""]
        lines.append(_joined(columns(baseline)))
        lines.append("|:---|---:|---:|---:|:---|---:|---:|---:|:---|:---|")
        lines += [_joined(cells(row, group["comparisons"], baseline)) for row in group["methods"]]
        lines += ["", *notes(group)]
    if document["across"]:
        lines += ["", *_across(document["across"], baseline)]
    return "\n".join(lines)


def _across(found: Mapping[str, Any], baseline: str) -> list[str]:
    """All settings at once."""
    lines = [
        f"### Over {', '.join(found['tasks'])}",
        "",
        "Interquartile mean (of the middle half of all runs) of mask AP in percent of "
        f"{baseline}'s mean at the setting, with a 95 % interval over seeds, {baseline}'s "
        "included, by a bootstrap within each setting, on these images.",
        "",
        "| Method | runs | interquartile mean | 95 % interval |",
        "|:---|---:|---:|:---|",
    ]
    for row in sorted(found["methods"], key=lambda row: -row["interquartile_mean"]):
        ends = NONE if row["low"] is None else f"{row['low']:.1f} to {row['high']:.1f}"
        lines.append(
            f"| {row['method']} | {row['runs']} | {row['interquartile_mean']:.1f} | {ends} |"
        )
    if found["left_out"]:
        lines += ["", f"Left out, since they lack a setting: {', '.join(found['left_out'])}."]
    return lines


def _joined(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def what_columns_are(baseline: str) -> str:
    """What a reader of the columns must know."""
    return _COLUMNS.format(baseline=baseline)


def how_compared(group: Mapping[str, Any]) -> str:
    """What was drawn at a noise setting."""
    method = _ONE_SEED if group["one_seed"] else _OVER_SEEDS
    return method.format(draws=group["draws"])


def runs_of(group: Mapping[str, Any]) -> str:
    """The seeds and the number of images of a noise setting."""
    seeds = list(dict.fromkeys(seed for row in group["methods"] for seed in row["seeds"]))
    named = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(seeds)}"
    return f"{named}; {group['images']} images"


def columns(baseline: str) -> list[str]:
    """The heads of `cells`."""
    tests = [f"minus {baseline}", "95 % interval", "P(above)", "p", "corrected", ""]
    return ["Method", "n", "AP", *tests, "rank"]


def cells(row: Mapping[str, Any], comparisons: int, baseline: str) -> list[str]:
    """A method's line."""
    test = row["comparison"]
    found = [str(len(row["seeds"])), f"{row['average_precision']:.1f}"]
    if test is None:
        found += [NONE] * 5 + ["baseline" if row["method"] == baseline else NONE]
    else:
        found[0] = str(test["seeds"])
        found += [
            _signed(test["difference"]),
            f"{_signed(test['low'])} to {_signed(test['high'])}",
            f"{test['better']:.2f}",
            _p(test["p"], test["least"]),
            _p(test["p_corrected"], min(1.0, comparisons * test["least"])),
            test["verdict"],
        ]
    rank = f"{row['rank']:g} ({row['rank_low']} to {row['rank_high']})"
    return [row["method"], *found, rank]


def _p(value: float, least: float) -> str:
    """Never more exact than the draws are; three decimals."""
    bound = math.ceil(1000 * least * (1 - 1e-9)) / 1000
    if value <= least * (1 + 1e-9) or value < 0.0005:
        return f"< {max(bound, 0.001):.3f}"
    return f"{value:.3f}"


def _signed(value: float) -> str:
    return decimal(value, sign=True)


def notes(group: Mapping[str, Any]) -> list[str]:
    """What must be known of a noise setting's verdicts, a sentence each."""
    return [_told_apart(group), *group["notes"]]


def _told_apart(group: Mapping[str, Any]) -> str:
    alike = group["not_told_apart"]
    pairs = f"of {group['pairs']} {'pair' if group['pairs'] == 1 else 'pairs'}, corrected"
    if not alike:
        return f"Every two methods are told apart ({pairs})."
    sets = "; ".join(", ".join(methods) for methods in alike)
    return f"Not told apart ({pairs}): {sets}."
