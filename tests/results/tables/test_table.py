import math
import re

import pytest

from noisyseg.results.paper.published import published_table
from noisyseg.results.tables.formats import render
from noisyseg.results.tables.shown_table import table_of
from noisyseg.results.tables.table import summarise

METHODS, NOISES = ["CE", "GCE"], ["clean", "sym 40"]
FAILED = ("failed", math.nan)


def _done(ap):
    return "done", ap


def _summary(entries, methods=METHODS, noises=NOISES):
    """Of (method, noise, seed, outcome); None: no record yet."""
    cells = {}
    for method, noise, seed, outcome in entries:
        if outcome is not None:
            cells.setdefault((method, noise), {})[seed] = outcome
    return summarise(cells, methods=methods, noises=noises)


def render_markdown(summary, title, *, metric="segm.AP", value_name="Mask AP (%)", notes=()):
    table = table_of(summary, title=title, metric=metric, value_name=value_name, notes=notes)
    return render(table, "md")


def _cells(entries, methods=METHODS, noises=NOISES):
    text = render_markdown(_summary(entries, methods, noises), "Table")
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows]


def _cell(*records):
    entries = [("CE", "clean", seed, record) for seed, record in enumerate(records)]
    return _cells(entries, ["CE"], ["clean"])[2][1]


def test_the_whole_table():
    entries = [
        ("GCE", "clean", 0, _done(29.13)),
        ("CE", "sym 40", 0, FAILED),
        ("CE", "clean", 0, _done(30.0)),
    ]
    summary = _summary(entries)
    assert render_markdown(summary, "Quick suite") == (
        "## Quick suite\n"
        "\n"
        "Mask AP (%): mean ± sd over n seeds. One seed gives no interval.\n"
        "\n"
        "| Method | clean | sym 40 |\n"
        "|:---|---:|---:|\n"
        "| CE | 30.0 (n=1) | failed |\n"
        "| GCE | 29.1 (n=1) | — |\n"
    )


def test_mean_and_sample_standard_deviation_of_three_seeds():
    # 28, 29, 31: mean 88/3, squared differences 16/9 + 1/9 + 25/9 = 42/9, over 2: sd sqrt(7/3).
    entries = [("CE", "clean", s, _done(ap)) for s, ap in enumerate([28.0, 29.0, 31.0])]
    cell = _summary(entries).loc["CE", "clean"]
    assert cell["mean"] == pytest.approx(88 / 3)
    assert cell["sd"] == pytest.approx(math.sqrt(7 / 3))
    assert (cell["n"], cell["failed"]) == (3, 0)
    # Student's t of 2 degrees of freedom is 4.302653.
    half = 4.302653 * math.sqrt(7 / 3) / math.sqrt(3)
    assert (cell["low"], cell["high"]) == pytest.approx((88 / 3 - half, 88 / 3 + half), rel=1e-6)
    assert _cells(entries)[2][1] == "29.3 ± 1.5 (n=3)"


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ([], "—"),
        ([None], "—"),
        ([_done(math.nan)], "—"),
        ([_done(0.0)], "0.0 (n=1)"),
        ([FAILED], "failed"),
        ([FAILED, None], "failed"),
        ([_done(20.0), None, _done(math.nan)], "20.0 (n=1)"),
        ([_done(20.0), FAILED], "20.0 (n=1, 1 failed)"),
        ([_done(20.0), _done(20.0), FAILED], "20.0 ± 0.0 (n=2, 1 failed)"),
    ],
)
def test_a_cell_says_what_is_known_and_what_is_not(records, text):
    assert _cell(*records) == text


def test_rows_and_columns_keep_the_suites_order():
    entries = [("A", "z", 0, _done(1.0)), ("B", "y", 0, _done(2.0))]
    rows = _cells(entries, ["B", "A", "C"], ["z", "y"])
    assert rows[0] == ["Method", "z", "y"]
    assert [row[0] for row in rows[2:]] == ["B", "A", "C"]
    assert rows[2:] == [["B", "—", "2.0 (n=1)"], ["A", "1.0 (n=1)", "—"], ["C", "—", "—"]]


def test_pipes_and_line_breaks_in_labels_do_not_break_the_table():
    entries = [("a|b", "p(x|y)\n40", 0, _done(1.0))]
    text = render_markdown(_summary(entries, ["a|b"], ["p(x|y)\n40"]), "T")
    assert r"| Method | p(x\|y) 40 |" in text
    assert r"| a\|b | 1.0 (n=1) |" in text


def test_notes_stand_below_the_table_a_line_each():
    summary = _summary([])
    text = render_markdown(summary, "T", notes=["Scored on\nval2017.", "Another."])
    assert text.splitlines()[-4:] == ["", "Scored on val2017.", "", "Another."]
    assert text.startswith(render_markdown(summary, "T"))


def test_a_product_of_seeds_tells_its_two_sources_apart():
    # Noise seeds 3 apart, train seeds 1 apart, nothing else: variances 9/2 and 1/2.
    values = {(0, 5): 20.0, (0, 6): 21.0, (1, 5): 23.0, (1, 6): 24.0}
    entries = [("CE", "sym 40", seeds, _done(ap)) for seeds, ap in values.items()]
    cell = _summary(entries).loc["CE", "sym 40"]
    assert (cell["n"], cell["mean"]) == (4, 22.0)
    assert cell["sd_noise"] == pytest.approx(math.sqrt(4.5))
    assert cell["sd_train"] == pytest.approx(math.sqrt(0.5))
    assert cell["sd_rest"] == 0
    assert cell["high"] - cell["mean"] > math.sqrt(2.5)
    assert cell["run_high"] - cell["mean"] > math.sqrt(2.5 + 5)
    assert _cells(entries)[2][2] == "22.0 ± 1.8 (n=4; noise seeds 2.1, train seeds 0.7, rest 0.0)"


@pytest.mark.parametrize(
    "seeds",
    [
        [(0, 0), (1, 1)],  # pairs
        [(None, 0), (None, 1)],  # clean labels have no noise seed
        [(0, 0), (0, 1)],
        [0, 1],
    ],
)
def test_what_does_not_tell_noise_from_training_has_one_spread(seeds):
    entries = [("CE", "clean", seed, _done(20.0 + n)) for n, seed in enumerate(seeds)]
    cell = _summary(entries).loc["CE", "clean"]
    assert cell[["sd_noise", "sd_train", "sd_rest"]].isna().all()
    assert cell["sd"] > 0


def test_one_missing_run_of_a_product_does_not_narrow_the_interval():
    # By noise seeds 4 apart; what is left out is an average run.
    values = {(i, j): 20.0 + 4 * i + j for i in range(3) for j in range(3)}
    entries = [("CE", "sym 40", seeds, _done(ap)) for seeds, ap in values.items()]
    whole = _summary(entries).loc["CE", "sym 40"]
    less = _summary([entry for entry in entries if entry[2] != (1, 1)]).loc["CE", "sym 40"]
    assert (less["n"], less["mean"]) == (8, whole["mean"])
    assert less["high"] - less["low"] >= whole["high"] - whole["low"]
    assert whole["sd_noise"] == pytest.approx(4)
    # Halved squares of pairs of one train seed: 8, 8, 32 twice, and 32 where the middle is missing.
    assert less["sd_noise"] == pytest.approx(math.sqrt(128 / 7))
    assert less["sd_rest"] == whole["sd_rest"] == 0


def test_runs_that_all_share_a_seed_have_no_interval_and_the_caption_says_so():
    entries = [("CE", "sym 40", (0, seed), _done(20.0 + seed)) for seed in range(3)]
    summary = _summary(entries)
    assert summary.loc["CE", "sym 40"][["low", "high", "run_low", "run_high"]].isna().all()
    text = render_markdown(summary, "T")
    assert "21.0 ± 1.0 (n=3)" in text
    assert "Runs that all share a noise seed, or a train seed, give no interval." in text


@pytest.mark.parametrize("kind", ["md", "csv", "latex", "html", "json"])
def test_a_zero_has_no_minus_in_any_format(kind):
    # The paper's 39.3 (ce, clean) is 0.04 more; -0.0 itself is no AP but must not show either.
    entries = [("ce", "clean", 0, _done(39.26)), ("ce", "sym40", 0, _done(-0.0))]
    summary = _summary(entries, ["ce"], ["clean", "sym40"])
    paper = published_table("table1")
    table = table_of(summary, title="T", metric="segm.AP", value_name="AP", published=paper)
    text = render(table, kind).replace("\N{MINUS SIGN}", "-").replace("$-$", "-")
    assert not re.search(r"-0\.0(?![0-9])", text)
    assert "39.3" in text or "39.26" in text


def test_a_csvs_old_columns_stand_where_they_were():
    table = table_of(_summary([]), title="T", metric="segm.AP", value_name="AP")
    assert list(table.cells) == [
        *("method", "noise", "metric", "n", "failed", "mean", "sd", "low", "high"),
        *("sd_noise", "sd_train", "published", "source", "difference"),
        *("sd_rest", "run_low", "run_high"),
    ]
