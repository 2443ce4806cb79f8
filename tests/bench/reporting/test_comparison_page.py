"""The page of a comparison: no number more exact than its draws, nothing unsaid."""

import pytest

from noisyseg.bench.reporting.comparison_page import comparison_markdown

TEST = {
    "seeds": 3,
    "difference": -0.04,
    "low": -1.26,
    "high": 2.0,
    "better": 0.5,
    "p": 0.0123,
    "p_corrected": 0.0246,
    "least": 1e-12,
    "verdict": "below",
}


def row(method, comparison, **changes):
    place = {"rank": 1.5, "rank_low": 1, "rank_high": 3}
    seeds = ["0", "1", "2"]
    return {
        "method": method,
        "seeds": seeds,
        "average_precision": 20.0,
        "comparison": comparison,
        **place,
        **changes,
    }


def page(*rows, groups=(("ce", "gce"),), pairs=3):
    group = {
        "name": "sym40",
        "images": 100,
        "draws": 1000,
        "one_seed": all(own["comparison"]["seeds"] == 1 for own in rows if own["comparison"]),
        "comparisons": 2,
        "pairs": pairs,
        "methods": [row("ce", None), *rows],
        "not_told_apart": groups,
        "notes": ["A note."],
    }
    return comparison_markdown(
        {"suite": "quick", "baseline": "ce", "groups": [group], "across": None}
    )


def test_a_row_has_difference_interval_both_ps_verdict_and_rank():
    text = page(row("gce", TEST))
    expected = (
        "| gce | 3 | 20.0 | +0.0 | −1.3 to +2.0 | 0.50 | 0.012 | 0.025 | below | 1.5 (1 to 3) |"
    )
    assert expected in text
    assert "| ce | 3 | 20.0 | — | — | — | — | — | baseline | 1.5 (1 to 3) |" in text
    assert "### sym40 (seeds 0, 1, 2; 100 images)" in text
    assert text.endswith("Not told apart (of 3 pairs, corrected): ce, gce.\nA note.")


def test_a_method_that_could_not_be_compared_is_no_baseline():
    assert "| new | 3 | 20.0 | — | — | — | — | — | — |" in page(row("new", None))


@pytest.mark.parametrize(
    ("p", "least", "shown"),
    [
        (2 / 1001, 2 / 1001, "< 0.002"),
        (4 / 1001, 2 / 1001, "0.004"),
        (2 / 41, 2 / 41, "< 0.049"),
        (1e-7, 1e-12, "< 0.001"),
        (0.0007, 1e-12, "0.001"),
        (1.0, 1e-12, "1.000"),
    ],
)
def test_p_is_never_more_exact_than_the_draws(p, least, shown):
    test = {**TEST, "p": p, "least": least, "p_corrected": 0.5}
    assert f"| {shown} | 0.500 | below |" in page(row("gce", test))


def test_a_corrected_p_at_the_bound_is_one_too():
    test = {**TEST, "p": 2 / 1001, "least": 2 / 1001, "p_corrected": 4 / 1001}
    assert "| < 0.002 | < 0.004 | below |" in page(row("gce", test))


def test_one_pair_and_none_alike():
    assert "Every two methods are told apart (of 1 pair, corrected)." in page(groups=(), pairs=1)
