"""The headline says who is ahead, by how much, and where nobody is known to be."""

import math

import pytest

from noisyseg.bench.reporting.findings import headline, lead_rows, leads
from noisyseg.bench.reporting.suite_power import suite_power
from noisyseg.results.tables.shown_table import table_of
from noisyseg.results.tables.table import summarise

# Seeds shift all methods alike; beside that, each has an error of its own.
SHIFTS = (-3.0, 0.0, 2.0, 1.0)
ERRORS = {"ce": (0.1, -0.1, 0.0, 0.2), "gce": (0.0, 0.1, -0.2, 0.1), "lncis": (-0.1, 0.1, 0.1, 0.0)}
BASES = {"ce": 20.0, "gce": 24.0, "lncis": 30.0}


def cell(method, base, seeds=4):
    return {
        (seed, seed): ("done", base + SHIFTS[seed] + ERRORS[method][seed]) for seed in range(seeds)
    }


def found(cells):
    methods = list(dict.fromkeys(method for method, _ in cells))
    noises = list(dict.fromkeys(noise for _, noise in cells))
    summary = summarise(cells, methods=methods, noises=noises)
    table = table_of(summary, title="t", metric="segm.AP", value_name="Mask AP (%)")
    return leads(table, suite_power(cells))


def settings(**bases):
    return {
        (method, noise): cell(method, base)
        for noise, of_methods in bases.items()
        for method, base in of_methods.items()
    }


def test_one_method_ahead_of_all_others():
    (lead,) = found(settings(sym40=BASES))
    assert (lead.leader, lead.others, lead.alone) == ("lncis", 2, True)
    assert list(lead.beaten) == ["gce", "ce"]
    # Errors are -0.1, 0.1, 0.1, 0 minus 0, 0.1, -0.2, 0.1: 0.025 in the mean.
    gap, half = lead.beaten["gce"]
    assert gap == pytest.approx(6.025)
    assert 0 < half < 1
    text = headline([lead], "mask AP")
    assert text == (
        f"lncis is ahead of all 2 other methods at sym40, by 6.0 ± {half:.1f} mask AP of the next."
    )


def test_settings_with_one_leader_are_told_together():
    both = settings(sym20=BASES, sym40=BASES | {"lncis": 26.0})
    text = headline(found(both), "mask AP")
    assert text == (
        "lncis is ahead of all 2 other methods at sym20 and sym40, by 2.0 to 6.0 mask AP of the "
        "next."
    )


def test_of_two_methods_the_other_is_named():
    text = headline(found(settings(sym40={"ce": 20.0, "lncis": 30.0})), "mask AP")
    assert text.startswith("lncis is ahead of ce at sym40, by 10.0 ± ")
    assert text.endswith(" mask AP.")


def test_a_tie_is_no_lead():
    (lead,) = found(settings(sym40=BASES | {"gce": 29.98}))
    assert (lead.leader, lead.tied, list(lead.beaten)) == ("lncis", ["gce"], ["ce"])
    assert headline([lead], "mask AP") == (
        "At sym40 lncis has the highest mean (30.0) and is ahead of 1 of 2 methods, but not of gce."
    )
    (row,) = lead_rows([lead])
    assert row["tied"] == "gce"
    assert row["ahead"].startswith("1 of 2: ce by 10.0 ± ")


def test_settings_with_ties_are_told_together():
    tied = settings(clean=BASES | {"gce": 29.98}, sym40=BASES | {"gce": 29.98})
    assert headline(found(tied), "mask AP") == (
        "At clean and sym40 lncis has the highest mean and is ahead of 1 of 2 methods."
    )


def test_where_nothing_is_told_apart_nobody_is_ahead():
    equal = dict.fromkeys(BASES, 30.0)
    text = headline(found(settings(clean=equal, sym40=equal)), "mask AP")
    assert text.startswith(
        "At clean and sym40 these seeds tell no method from the one with the highest mean"
    )
    assert "ahead" not in text
    assert lead_rows(found(settings(clean=equal)))[0]["ahead"] == "none of 2"


def test_one_seed_says_nothing():
    cells = {(method, "clean"): cell(method, base, seeds=1) for method, base in BASES.items()}
    text = headline(found(cells), "mask AP")
    assert text == "Which method is better at clean: one seed tells nothing of that."


def test_a_method_without_shared_seeds_is_not_tested():
    cells = settings(sym40=BASES)
    cells["gce", "sym40"] = {(9, 9): ("done", 24.0)}
    (lead,) = found(cells)
    assert (lead.untested, list(lead.beaten), lead.alone) == (["gce"], ["ce"], False)
    assert "but not of gce" in headline([lead], "mask AP")


def test_failed_and_lone_methods_give_no_lead():
    cells = settings(clean={"ce": 20.0}, sym40=BASES)
    cells["lncis", "sym40"] = {(0, 0): ("failed", math.nan)}
    assert [lead.noise for lead in found(cells)] == ["sym40"]
    assert found(cells)[0].leader == "gce"
    assert headline([], "mask AP") == ""
