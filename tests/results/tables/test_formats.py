"""One table in five formats: the same numbers in each."""

import csv
import io
import json
import math
import re
from html.parser import HTMLParser

import pytest

from noisyseg.results.paper.published import published_table
from noisyseg.results.tables.formats import ENDINGS, render
from noisyseg.results.tables.shown_table import table_of
from noisyseg.results.tables.table import summarise

METHODS = ["ce", "sce", "jol", "a_b & c|d <i> 50 % \\ #1 ~ ^"]
NOISES = ["clean", "sym40", "asym20", "γ = 6"]

FAILED = ("failed", math.nan)
VALUES = {
    ("ce", "clean"): [39.0, 40.25, 41.0],
    ("ce", "sym40"): [30.123456789],
    ("sce", "asym20"): [1 / 3, 2 / 3],
    ("jol", "clean"): [FAILED],
    ("jol", "sym40"): [20.0, 21.0, FAILED],
    (METHODS[3], "γ = 6"): [0.04],
}


@pytest.fixture(params=[None, "table1"], ids=["alone", "published"])
def table(request):
    cells = {
        cell: {seed: v if v is FAILED else ("done", v) for seed, v in enumerate(values)}
        for cell, values in VALUES.items()
    }
    return table_of(
        summarise(cells, methods=METHODS, noises=NOISES),
        title="A title",
        metric="segm.AP",
        value_name="Mask AP (%)",
        notes=["A note: 5 % & more.", "Another."],
        published=None if request.param is None else published_table(request.param),
    )


def cells_of(table):
    """(method, noise) → the cell's numbers as they are."""
    rows = table.cells.to_dict(orient="records")
    return {(row["method"], row["noise"]): row for row in rows}


def same(first, second, *, digits=None):
    if second is None or first is None or math.isnan(first):
        return (first is None or math.isnan(first)) and second is None
    return f"{first:.{digits}f}" == f"{second:.{digits}f}" if digits else first == second


NUMBERS = ("mean", "sd", "low", "high", "published", "difference")


def test_the_cells_are_what_the_records_give(table):
    cells = cells_of(table)
    assert list(cells) == [(method, noise) for method in METHODS for noise in NOISES]
    first = cells["ce", "clean"]
    assert (first["n"], first["failed"]) == (3, 0)
    assert first["mean"] == pytest.approx(sum(VALUES["ce", "clean"]) / 3)
    assert first["low"] < first["mean"] < first["high"]
    assert (cells["jol", "clean"]["n"], cells["jol", "clean"]["failed"]) == (0, 1)
    if first["source"] is None:
        assert all(math.isnan(cell["published"]) for cell in cells.values())
    else:
        assert first["published"] == 39.3
        assert first["difference"] == first["mean"] - 39.3
        assert cells["jol", "clean"]["source"] == "unknown"
        assert math.isnan(cells["jol", "clean"]["published"])
        assert cells["ce", "γ = 6"]["source"] is None


def test_json_has_every_number_in_full(table):
    document = json.loads(render(table, "json"))
    assert (document["title"], document["value"]) == ("A title", "Mask AP (%)")
    assert document["notes"] == ["A note: 5 % & more.", "Another."]
    cells = cells_of(table)
    assert len(document["cells"]) == len(cells)
    for row in document["cells"]:
        cell = cells[row["method"], row["noise"]]
        assert (row["n"], row["failed"]) == (cell["n"], cell["failed"])
        assert row["source"] == cell["source"]
        for name in NUMBERS:
            assert same(cell[name], row[name]), (row, name)


def test_csv_has_every_number_in_full(table):
    cells = cells_of(table)
    rows = list(csv.DictReader(io.StringIO(render(table, "csv"))))
    assert [(row["method"], row["noise"]) for row in rows] == list(cells)
    for row in rows:
        cell = cells[row["method"], row["noise"]]
        assert int(row["n"]) == cell["n"]
        for name in NUMBERS:
            assert same(cell[name], float(row[name]) if row[name] else None), (row, name)


CELL = re.compile(
    r"(?:(?P<mean>[\d.]+)(?: ± (?P<sd>[\d.]+))? \(n=(?P<n>\d+)(?:, (?P<failed>\d+) failed)?\)"
    r"|(?P<lost>failed)|—)"
    r"(?:; paper (?:unknown|(?P<published>[\d.]+)(?: \((?P<gap>[+−][\d.]+)\))?))?"
)


def read_cells(rows, table):
    """The numbers in the texts of a grid of cells."""
    found = {}
    for method, row in zip(table.methods, rows, strict=True):
        for noise, text in zip(table.noises, row, strict=True):
            match = CELL.fullmatch(text)
            assert match, text
            found[method, noise] = match.groupdict()
    return found


def assert_rounded(found, table):
    for place, cell in cells_of(table).items():
        read = found[place]
        assert int(read["n"] or 0) == cell["n"]
        assert bool(read["lost"] or read["failed"]) == bool(cell["failed"])
        gap = read["gap"] and float(read["gap"].replace("−", "-"))
        numbers = {"mean": read["mean"], "sd": read["sd"], "published": read["published"]}
        for name, text in numbers.items():
            assert same(cell[name], text and float(text), digits=1), (place, name)
        assert same(cell["difference"], gap, digits=1), place


def test_markdown_has_the_same_numbers_rounded(table):
    lines = [line for line in render(table, "md").splitlines() if line.startswith("|")]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines[2:]]
    texts = [[cell.strip().replace(r"\|", "|") for cell in row] for row in rows]
    assert [row[0] for row in texts] == METHODS
    assert_rounded(read_cells([row[1:] for row in texts], table), table)


class Cells(HTMLParser):
    """The texts of a table's cells, row by row."""

    def __init__(self):
        super().__init__()
        self.rows, self.open = [], False

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        self.open = tag in ("td", "th")
        if self.open:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.open = False

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1] += data


def test_html_has_the_same_numbers_rounded_and_is_escaped(table):
    text = render(table, "html")
    assert "<i>" not in text
    reader = Cells()
    reader.feed(text)
    head, *rows = reader.rows
    assert head == ["Method", *NOISES]
    assert [row[0] for row in rows] == METHODS
    assert_rounded(read_cells([row[1:] for row in rows], table), table)


def test_every_format_is_whole_and_ends_with_a_line_break(table):
    for kind in ENDINGS:
        text = render(table, kind)
        assert text.endswith("\n")
        assert text == render(table, kind)
        assert "nan" not in text.lower()
