"""Each of the paper's cells against the measured interval."""

import itertools
import math

import numpy as np
import pytest

from noisyseg.results.paper.published import PublishedCell, PublishedTable, published_table
from noisyseg.results.tables.match import INTERVAL, counts, match
from noisyseg.results.tables.shown_table import table_of
from noisyseg.results.tables.table import summarise

FAILED = ("failed", math.nan)
# ce: the paper has 39.3, 34.2, 31.5, 27.1, 20.7, 36.8, 34.5. By hand, t of 2 degrees: 4.302653, so
# that an sd of 1 gives ± 4.303 · √(4/3) = 4.968 for one more run.
MEASURED = {
    ("ce", "clean"): [38.3, 39.3, 40.3],  # 34.3 to 44.3
    ("ce", "sym20"): [28.0, 29.0, 30.0],  # to 34.0: the paper's is above
    ("ce", "sym40"): [36.0, 37.0, 38.0],  # from 32.03: the paper's is below
    ("ce", "sym60"): [27.1],
    ("ce", "sym80"): [FAILED],
    ("ce", "asym20"): {(0, 0): 36.0, (0, 1): 37.0},  # of one noise seed
    ("lsr", "clean"): [30.0, 31.0],  # the paper's was not recovered
}
EXPECTED = {
    ("ce", "clean"): "inside",
    ("ce", "sym20"): "above",
    ("ce", "sym40"): "below",
    ("ce", "sym60"): "one seed",
    ("ce", "sym80"): "failed",
    ("ce", "asym20"): "seed shared",
    ("ce", "asym40"): "not run",
    ("lsr", "clean"): "unknown",
    ("lsr", "sym20"): "not run",
    ("jol", "clean"): "not run",
}


def seeded(values):
    return values if isinstance(values, dict) else dict(enumerate(values))


@pytest.fixture
def table():
    methods = ["ce", "lsr"]
    noises = ["clean", "sym20", "sym40", "sym60", "sym80", "asym20"]
    cells = {
        cell: {seed: v if v is FAILED else ("done", v) for seed, v in seeded(values).items()}
        for cell, values in MEASURED.items()
    }
    summary = summarise(cells, methods=methods, noises=noises)
    return table_of(summary, title="T", metric="segm.AP", value_name="Mask AP (%)")


def test_where_the_papers_numbers_lie(table):
    published = published_table("table1")
    found = match([table], published, differences=[])
    assert len(found) == len(published.cells) == 42
    positions = {(entry.method, entry.noise): entry for entry in found}
    for place, position in EXPECTED.items():
        assert positions[place].position == positions[place].verdict == position
    clean = positions["ce", "clean"]
    assert (clean.published, clean.source, clean.n) == (39.3, "summary", 3)
    assert (clean.low, clean.high) == pytest.approx((34.332, 44.268), abs=1e-3)
    assert positions["ce", "sym60"].low is None
    assert sum(counts(found).values()) == 42
    assert counts(found)["inside"] == 1


def test_what_is_of_something_else_is_not_comparable(table):
    found = {
        (entry.method, entry.noise): entry
        for entry in match([table], published_table("table1"), differences=["val, not test"])
    }
    for place in (("ce", "clean"), ("ce", "sym20"), ("ce", "sym60"), ("ce", "asym20")):
        assert found[place].verdict == "not comparable"
        assert found[place].position == EXPECTED[place]
    for place in (("ce", "sym80"), ("ce", "asym40"), ("lsr", "clean")):
        assert found[place].verdict == EXPECTED[place]


def outside(seeds, spread, generator):
    """The share of exact reproductions, each of new seeds, that lie outside of a run's interval."""
    methods, noises = [f"m{i}" for i in range(40)], [f"s{i}" for i in range(50)]
    cells, paper = {}, {}
    for cell in itertools.product(methods, noises):
        rows, columns = (generator.normal(30, sd, 11) for sd in spread[:2])
        rest = generator.normal(0, spread[2], len(seeds) + 1)
        values = [rows[i] + columns[j] + e for (i, j), e in zip(seeds, rest, strict=False)]
        cells[cell] = {seed: ("done", v) for seed, v in zip(seeds, values, strict=True)}
        paper[(*cell, "segm.AP")] = PublishedCell(rows[-1] + columns[-1] + rest[-1], "text")
    summary = summarise(cells, methods=methods, noises=noises)
    table = table_of(summary, title="T", metric="segm.AP", value_name="Mask AP (%)")
    published = PublishedTable(name="t", title="T", not_comparable=None, notes=(), cells=paper)
    found = counts(match([table], published, differences=[]))
    return 1 - found["inside"] / sum(found.values())


@pytest.mark.parametrize("n", [3, 5, 10])
def test_an_exact_reproduction_lies_outside_in_one_cell_of_twenty(n):
    pairs = [(seed, seed) for seed in range(n)]
    found = outside(pairs, (0.7, 0.5, 0.3), np.random.default_rng(n))
    assert found == pytest.approx(0.05, abs=3.5 * math.sqrt(0.05 * 0.95 / 2000))


@pytest.mark.parametrize("missing", [0, 1])
def test_of_a_product_of_seeds_it_is_no_more(missing):
    seeds = list(itertools.product(range(5), range(5)))[missing:]
    found = outside(seeds, (0.7, 0.5, 0.3), np.random.default_rng(missing))
    assert 0.02 < found < 0.07


def test_of_two_noise_seeds_that_make_most_of_the_spread_it_is_more_and_that_is_said():
    seeds = list(itertools.product(range(2), range(10)))
    assert 0.08 < outside(seeds, (0.9, 0.3, 0.3), np.random.default_rng(2)) < 0.15
    assert "up to 1 of 8 where only two noise seeds, or two train seeds, make most" in INTERVAL
