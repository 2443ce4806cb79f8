"""A table for a paper: its numbers, its heads, its marks, and that TeX takes it."""

import math
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from noisyseg.results.paper.published import published_table
from noisyseg.results.tables.formats import render
from noisyseg.results.tables.latex import tex
from noisyseg.results.tables.shown_table import table_of
from noisyseg.results.tables.table import summarise

TEX = shutil.which("pdflatex") or shutil.which("tectonic")
ODD = "a_b & c|d <i> 50 % \\ #1 ~ ^ {x} $"
METHODS = ["ce", "sce", ODD]
GROUPS = {
    "sym20": ("symmetric", 0.2),
    "sym40": ("symmetric", 0.4),
    "asym20": ("asymmetric", 0.2),
}
NOISES = ["clean", *GROUPS]


def table(seeds=3, noises=NOISES, published=None, **changes):
    """Of method m at column c: 10 (m + 1) + c, sd 1 where there are three seeds."""
    cells = {
        (method, noise): {
            seed: ("done", 10.0 * (row + 1) + column + seed - 1) for seed in range(seeds)
        }
        for row, method in enumerate(METHODS)
        for column, noise in enumerate(noises)
    }
    cells |= changes.pop("cells", {})
    made = table_of(
        summarise(cells, methods=METHODS, noises=list(noises)),
        title="A title with 40 %",
        metric="segm.AP",
        value_name="Mask AP (%)",
        notes=["A note: 5 % & more."],
        published=None if published is None else published_table(published),
    )
    return replace(made, groups=GROUPS, **changes)


def lines_of(made):
    """The cells of each line between the rules, without what makes them small."""
    text = render(made, "latex")
    body = text[text.index(r"\midrule") + 8 : text.index(r"\bottomrule")]
    rows = [line.removesuffix(r" \\") for line in body.strip().splitlines()]
    return [[cell.strip() for cell in re.split(r"(?<!\\)&", row)] for row in rows]


def caption_of(made):
    return re.search(r"\\caption\{(.*)\}\n", render(made, "latex"))[1]


def test_numbers_and_their_spread():
    lines = lines_of(table())
    assert [line[0] for line in lines[:2]] == ["ce", "sce"]
    assert len(lines) == len(METHODS)
    assert lines[0][1:] == [rf"{10 + c}.0\,{{\scriptsize$\pm$\,1.0}}" for c in range(4)]


def test_the_number_of_seeds_is_in_the_caption():
    assert r"Mask AP (\%): mean $\pm$ sd over 3 seeds." in caption_of(table())
    assert r"over 1 seed. One seed gives no interval." in caption_of(table(seeds=1))


def test_a_cell_of_fewer_seeds_says_so():
    fewer = {("ce", "sym20"): {0: ("done", 5.0), 1: ("failed", math.nan), 2: ("done", 7.0)}}
    made = table(cells=fewer)
    assert "over 3 seeds; in brackets n where it is not 3." in caption_of(made)
    line = lines_of(made)[0]
    assert line[2] == r"6.0\,{\scriptsize$\pm$\,1.4}\,{\scriptsize(2, 1 failed)}"
    assert "(" not in line[1]


def test_what_is_missing_is_a_dash_or_failed():
    gone = {("ce", "clean"): {}, ("ce", "sym20"): {0: ("failed", math.nan)}}
    assert lines_of(table(cells=gone))[0][1:3] == ["---", "failed"]


def test_no_zero_is_negative():
    small = {("ce", "clean"): {0: ("done", -0.01)}, ("ce", "sym20"): {0: ("done", -3.0)}}
    line = lines_of(table(cells=small))[0]
    assert line[1].startswith("0.0")
    assert line[2].startswith("$-$3.0")


def test_columns_of_a_kind_stand_together_as_the_paper_has_them():
    text = render(table(), "latex")
    heads = text[text.index(r"\toprule") : text.index(r"\midrule")].splitlines()
    assert heads[1:] == [
        r" &  & \multicolumn{2}{c}{Symmetric} & \multicolumn{1}{c}{Asymmetric} \\",
        r"\cmidrule(lr){3-4}\cmidrule(lr){5-5}",
        r"Method & clean & 20 \% & 40 \% & 20 \% \\",
    ]


def test_without_groups_there_is_one_line_of_heads():
    text = render(table(noises=["clean"]), "latex")
    assert r"\cmidrule" not in text
    assert "Method & clean \\\\\n" in text


def test_the_best_is_bold_and_ties_are_underlined():
    marks = {("sce", "clean", "segm.AP"): "best", ("ce", "clean", "segm.AP"): "tie"}
    made = table(standings=marks)
    first, second, third = (line[1] for line in lines_of(made))
    assert first.startswith(r"\underline{10.0}\,")
    assert second.startswith(r"\textbf{20.0}\,")
    assert third.startswith(r"30.0\,")
    assert "Bold: the highest mean of a column; underlined: not told from it" in caption_of(made)
    assert "Bold" not in caption_of(table())


def test_the_papers_numbers_have_a_line_of_their_own():
    made = table(published="table1")
    lines = lines_of(made)
    assert [line[0] for line in lines[:4]] == ["ce", r"\quad{\scriptsize paper}"] * 1 + [
        "sce",
        r"\quad{\scriptsize paper}",
    ]
    assert lines[1][1:] == [rf"{{\scriptsize {v}}}" for v in ("39.3", "34.2", "31.5", "36.8")]
    assert lines[3][-1] == r"{\scriptsize ?}"  # sce at asym20 was not recovered
    assert len(lines) == 5  # the paper has none of the third method
    assert "below, in small, the paper's (?: not known)" in caption_of(made)
    assert "paper" not in caption_of(table())


@pytest.mark.parametrize("published", [None, "table1"])
@pytest.mark.parametrize("count", [1, 4, 9, 12])
def test_environments_rules_and_columns_agree(published, count):
    noises = [*NOISES, *(f"other {n}" for n in range(8))][:count]
    text = render(table(noises=noises, published=published), "latex")
    opened = re.findall(r"\\(begin|end)\{(\w+\*?)\}", text)
    stack = []
    for kind, name in opened:
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    assert opened[0][1] == ("table*" if count > 3 else "table")
    columns = re.search(r"\\begin\{tabular\}\{@\{\}(l?r*)@\{\}\}", text)[1]
    assert columns == "l" + "r" * count
    for rule in ("toprule", "midrule", "bottomrule", "caption"):
        assert text.count(f"\\{rule}") == 1
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    for line in re.findall(r".*\\\\$", body, re.MULTILINE):
        spanned = sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", line))
        assert len(re.findall(r"(?<!\\)&", line)) + spanned == count
    plain = re.sub(r"\\[{}]", "", text)
    assert plain.count("{") == plain.count("}")
    assert (r"\resizebox{\linewidth}" in text) == (count > 10)


def test_texts_mean_nothing_to_tex():
    made = render(table(), "latex")
    bare = re.sub(r"\\[&%$#_{}]|\\\\", "", made)
    bare = re.sub(r"^% .*$|\{%$", "", bare, flags=re.MULTILINE)
    assert not re.search(r"[%#_~^<>|\"]", bare)
    assert all(ord(character) < 128 for character in made)
    assert tex("50 % a_b\nc") == r"50 \% a\_b c"
    assert tex("a\\b") == r"a\textbackslash{}b"
    assert tex("−1 ± 2") == r"$-$1 $\pm$ 2"


@pytest.mark.skipif(TEX is None, reason="no pdflatex and no tectonic is installed")
@pytest.mark.parametrize("published", [None, "table1"])
def test_it_compiles_and_fits_the_page(published, tmp_path):
    document = (
        "\\documentclass[10pt,twocolumn]{article}\n\\usepackage[utf8]{inputenc}\n"
        "\\usepackage{booktabs,graphicx}\n\\begin{document}\n"
        f"{render(table(published=published), 'latex')}\\end{{document}}\n"
    )
    (tmp_path / "table.tex").write_text(document, encoding="utf-8")
    options = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in TEX else []
    done = subprocess.run(
        [TEX, *options, "table.tex"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
    assert (tmp_path / "table.pdf").stat().st_size > 1000
