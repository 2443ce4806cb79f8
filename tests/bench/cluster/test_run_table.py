import re

import pytest
from rich.cells import cell_len

from noisyseg.bench.cluster.run_row import run_row
from noisyseg.bench.cluster.run_table import COLUMNS, cut, table_lines

STATE = {
    "stage": "training",
    "epoch": 11.5,
    "epochs": 36,
    "loss": 1.23456,
    "seconds_left": 3725.0,
    "images_per_second": 41.26,
    "node": "gpu-12",
    "device": "cuda:3 NVIDIA H100 80GB HBM3",
    "memory_bytes": 11_200_000_000,
}
LONG = "lncis-two-stage · asymmetric-0.4+missing-0.2 · seed 1234/1234"


def rows(*labels):
    return [run_row(label, STATE, 0.0) for label in labels]


def headings(line):
    return re.split(r" {2,}", line.strip())


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (140, COLUMNS),
        (80, ("run", "epoch", "loss", "images/s", "node", "left")),
        (60, ("run", "epoch", "loss", "left")),
        (40, ("run", "epoch", "left")),
    ],
)
def test_narrow_terminals_lose_the_least_important_columns(width, columns):
    lines = table_lines(rows("ce · clean · seed 0", LONG), width=width)
    assert tuple(headings(lines[0])) == columns
    assert max(map(cell_len, lines)) <= width
    assert lines[1].startswith("ce · clean · seed 0 ")
    assert lines[2].startswith("lncis")
    assert all(line.endswith("1 h 02 min") for line in lines[1:])


def test_a_label_is_whole_where_there_is_room_else_it_loses_its_middle():
    assert LONG in table_lines(rows(LONG), width=140)[1]
    for width in (80, 60):
        line = table_lines(rows(LONG), width=width)[1]
        label = line.split("  ")[0]
        assert re.fullmatch(r"lncis.*….*1234", label)


def test_columns_stand_below_one_another():
    short = run_row("b", STATE | {"loss": 12.0, "node": "n"}, 0.0)
    head, *lines = table_lines([*rows("a"), short], width=140)
    for name in ("epoch", "loss", "images/s", "memory", "left"):
        end = head.index(name) + len(name)
        assert all(line[end - 1] != " " and line[end : end + 1] in ("", " ") for line in lines)
    assert [line.index("cuda") for line in lines] == [head.index("device")] * 2


def test_columns_stay_while_nothing_is_known():
    begun = run_row("a", {"stage": "training", "epoch": 0.0, "epochs": 36}, 0.0)
    assert tuple(headings(table_lines([begun], width=140)[0])) == COLUMNS


def test_wide_letters_count_twice():
    lines = table_lines(rows("日本語" * 20, "ce"), width=80)
    assert max(map(cell_len, lines)) <= 80
    assert len({cell_len(line) for line in lines}) == 1


def test_of_two_hundred_runs_as_many_as_fit():
    many = rows(*(f"run {number}" for number in range(200)))
    lines = table_lines(many, width=80, most=22)
    assert len(lines) == 22
    assert lines[1].startswith("run 0 ")
    assert lines[-2].startswith("run 19 ")
    assert lines[-1] == "and 180 more"
    assert len(table_lines(many, width=80)) == 201
    assert len(table_lines(many[:21], width=80, most=22)) == 22
    assert "more" not in table_lines(many[:21], width=80, most=22)[-1]


def test_nothing_under_way_is_no_table():
    assert table_lines([], width=80) == []


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abc…fg"),
        ("abcdefg", 2, "a…"),
        ("abcdefg", 1, "…"),
        ("abcdefg", 0, ""),
    ],
)
def test_cut(text, width, shown):
    assert cut(text, width) == shown
