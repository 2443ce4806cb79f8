"""Two sets of metrics held against each other: what differs is named, and nothing else."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisyseg.results.evaluation.verification import (
    ABSENT,
    Difference,
    largest_gap,
    metric_differences,
    tool_remarks,
)

METRICS = {
    "version": 1,
    "tool": "hotcoco 1.3.0",
    "verified": {"tool": "pycocotools 2.0.11", "largest_difference": 0.0},
    "bbox": {"AP": 18.5, "AP50": 41.25, "APl": None},
    "segm": {"AP": 20.25, "AP50": 42.0, "APl": None},
    "per_class": {"cat": {"bbox": 12.5, "segm": 10.5}, "a.b": {"bbox": None, "segm": 1.0}},
    "agnostic": {"AP": 12.25, "AR100": 45.0},
    "matched": {"instances": 9, "found": 4, "accuracy": 75.0, "confusion": [[2, 1], [0, 1]]},
}
NUMBERS = [
    ("version",),
    ("verified", "largest_difference"),
    *[("bbox", name) for name in ("AP", "AP50")],
    *[("segm", name) for name in ("AP", "AP50")],
    ("per_class", "cat", "bbox"),
    ("per_class", "cat", "segm"),
    ("per_class", "a.b", "segm"),
    ("agnostic", "AP"),
    ("agnostic", "AR100"),
    *[("matched", name) for name in ("instances", "found", "accuracy")],
    *[("matched", "confusion", row, column) for row in (0, 1) for column in (0, 1)],
]


def changed(path, value):
    metrics = copy.deepcopy(METRICS)
    place = metrics
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return metrics


def lines(recorded, recomputed=METRICS):
    return [str(one) for one in metric_differences(recorded, recomputed)]


def test_the_same_metrics_differ_nowhere():
    assert lines(copy.deepcopy(METRICS)) == []
    assert lines(changed(("agnostic", "AP"), 12.25 + 5e-8)) == []
    assert lines(changed(("agnostic", "AP"), 12.25 + 2e-7)) != []


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("agnostic", "AP"), 66.6, "metrics.agnostic.AP: record 66.6, recomputed 12.25"),
        (("segm", "APl"), 0.0, "metrics.segm.APl: record 0, recomputed null"),
        (("segm", "AP"), None, "metrics.segm.AP: record null, recomputed 20.25"),
        (("segm", "AP"), "20.25", "metrics.segm.AP: record 20.25, recomputed 20.25"),
        (("matched", "found"), True, "metrics.matched.found: record True, recomputed 4"),
        (
            ("matched", "found"),
            4.00000001,
            "metrics.matched.found: record 4.00000001, recomputed 4",
        ),
        (
            ("matched", "confusion", 0),
            [2, 1, 7],
            "metrics.matched.confusion[0][2]: record 7, recomputed absent",
        ),
        (
            ("per_class", "a.b", "segm"),
            90,
            "metrics.per_class['a.b'].segm: record 90, recomputed 1",
        ),
        (("f1",), 99, "metrics.f1: record 99, recomputed absent"),
    ],
)
def test_one_difference_is_named_by_its_path(path, value, line):
    assert lines(changed(path, value)) == [line]


def test_what_is_absent_is_not_none():
    recorded = copy.deepcopy(METRICS)
    del recorded["segm"]["APl"]
    (one,) = metric_differences(recorded, METRICS)
    assert (one.path, one.recorded, one.found) == ("metrics.segm.APl", ABSENT, None)
    del recorded["agnostic"]
    assert [one.path for one in metric_differences(recorded, METRICS)] == [
        "metrics.segm.APl",
        "metrics.agnostic.AP",
        "metrics.agnostic.AR100",
    ]
    assert "metrics.matched: record {}" in lines({**METRICS, "matched": {}})[0]
    assert lines({}, {**METRICS, "verified": None})[0] == "metrics: record {}, recomputed absent"


def test_a_name_with_a_point_hides_no_other():
    """With paths as text, the second entry would stand in for the first."""
    recorded = copy.deepcopy(METRICS)
    recorded["per_class"]["cat"]["segm"] = 90.0
    recorded["per_class"]["cat.segm"] = 10.5
    assert lines(recorded) == [
        "metrics.per_class.cat.segm: record 90, recomputed 10.5",
        "metrics.per_class['cat.segm']: record 10.5, recomputed absent",
    ]


@given(path=st.sampled_from(NUMBERS), by=st.floats(1e-6, 1e6), down=st.booleans())
def test_a_change_of_any_number_is_named(path, by, down):
    value = METRICS
    for step in path:
        value = value[step]
    recorded = changed(path, value - by if down else value + by)
    (one,) = metric_differences(recorded, METRICS)
    assert one.found == value
    assert one.recorded == pytest.approx(value - by if down else value + by)


def test_what_was_not_compared_a_second_time_is_left_alone():
    once = {**METRICS, "verified": None}
    assert lines(changed(("verified", "largest_difference"), 5.0), once) == []
    assert lines(changed(("agnostic", "AP"), 5.0), once) != []


def test_another_program_is_a_remark_and_no_difference():
    recorded = changed(("tool",), "hotcoco 1.2.9")
    assert lines(recorded) == []
    assert tool_remarks(recorded, METRICS) == [
        "metrics.tool: record hotcoco 1.2.9, here hotcoco 1.3.0"
    ]
    assert tool_remarks(METRICS, METRICS) == []
    del recorded["verified"]
    assert len(tool_remarks(recorded, METRICS)) == 2


def test_numbers_beyond_floats_are_named():
    (one,) = metric_differences(changed(("agnostic", "AP"), 10**400), METRICS)
    assert largest_gap([one]) is None
    assert len(str(one)) < 150


def test_the_largest_gap_is_of_numbers_alone():
    gap = Difference(path="a", recorded=3, found=1.5)
    assert largest_gap([]) == 0
    assert largest_gap([gap, Difference(path="b", recorded=1, found=2)]) == 1.5
    assert largest_gap([gap, Difference(path="b", recorded=None, found=2)]) is None


def test_checksums_are_shown_by_their_beginning():
    one = Difference(path="checksums.log", recorded="a" * 64, found="b" * 64, source="log.jsonl")
    assert str(one) == f"checksums.log: record {'a' * 12}…, log.jsonl {'b' * 12}…"
