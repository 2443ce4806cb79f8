from pathlib import Path

import pytest
import yaml

from noisyseg.bench.config.shipped import shipped_names
from noisyseg.bench.config.suite import Choices, load_suite
from noisyseg.errors import InputError
from noisyseg.results.paper.published import published_names, published_table

REFERENCE = Path(__file__).parents[2] / "data" / "paper" / "reference_tables.yaml"
# The paper's own text, which is its publisher's and cannot be shipped.
TRANSCRIPTION = Path(__file__).parents[4] / "shared" / "paper" / "transcription.txt"
SUITES = {
    name: f"table{number}"
    for number in range(1, 5)
    for name in shipped_names("suite")
    if name.startswith(f"paper-table{number}-")
}
NOISES = ("sym20", "sym40", "sym60", "sym80", "asym20", "asym40")
SOURCES = {"text", "derived", "figure", "summary", "unknown"}


def test_every_cell_says_where_it_was_read():
    assert published_names() == ["table1", "table2", "table3", "table4"]
    for name in published_names():
        cells = published_table(name).cells
        assert cells
        for cell in cells.values():
            assert cell.source in SOURCES
            assert (cell.value is None) == (cell.source == "unknown")
            assert cell.value is None or 0 < cell.value < 100


def test_they_are_the_reference_tables():
    reference = yaml.safe_load(REFERENCE.read_text())
    for name in published_names():
        raw, table = reference[name], published_table(name)
        found = {}
        for (method, noise, metric), cell in table.cells.items():
            found.setdefault(method, {})[metric.split(".")[1] if name == "table4" else noise] = (
                cell.value
            )
        assert found == raw["rows"]
        for source, entries in raw["sources"].items():
            if entries == "all":
                assert {cell.source for cell in table.cells.values()} == {source}
                continue
            for entry in entries:
                method, key = entry.split(".")
                noise, metric = ("sym40", f"segm.{key}") if name == "table4" else (key, "segm.AP")
                assert table.cell(method, noise, metric).source == source


@pytest.mark.skipif(
    not TRANSCRIPTION.is_file(), reason="the paper's transcription is not beside this checkout"
)
def test_what_was_read_in_the_text_stands_there():
    """As digits: the transcription runs a table's cells together."""
    text = TRANSCRIPTION.read_text().replace(" ", "")
    for name in published_names():
        for cell in published_table(name).cells.values():
            if cell.source == "text":
                assert f"{cell.value:g}" in text, (name, cell)


@pytest.mark.parametrize("suite", SUITES)
def test_the_papers_suites_have_the_papers_rows_and_columns(suite, tmp_path):
    loaded = load_suite(
        suite, data_root=tmp_path, cache=tmp_path, choices=Choices(random_weights=True)
    )
    assert loaded.published == SUITES[suite]
    table = published_table(loaded.published)
    assert {method for method, _, _ in table.cells} == set(loaded.methods)
    assert {noise for _, noise, _ in table.cells} == set(loaded.noise)


def test_the_papers_contradiction_is_told_by_its_own_numbers():
    """Section 5.3: + 1.8, 3.1, 4.2, 4.9 (symmetric), 1.4, 1.7; table 2 gives others for two."""
    claimed = dict(zip(NOISES, (1.8, 3.1, 4.2, 4.9, 1.4, 1.7), strict=True))
    table = published_table("table2")
    gains = {
        noise: round(
            table.cell("lncis", noise, "segm.AP").value - table.cell("ce", noise, "segm.AP").value,
            1,
        )
        for noise in NOISES
    }
    others = {noise: gain for noise, gain in gains.items() if gain != claimed[noise]}
    assert others == {"sym40": 2.0, "sym60": 3.7}
    (note,) = table.notes
    for noise, gain in others.items():
        assert f"{claimed[noise]} at {noise}" in note
        assert str(gain) in note
    assert not published_table("table3").notes


def test_an_unknown_table():
    with pytest.raises(InputError, match=r"unknown published table 'table5'. Did you mean 'table"):
        published_table("table5")
