"""The registry of figures: a new one is an entry, and both `figures` and `report` show it."""

from pathlib import Path

import pytest

from noisyseg.bench.reporting import figures
from noisyseg.bench.reporting.figures import FIGURES, SuiteFigure, file_names
from noisyseg.results.figures.style import new_figure
from noisyseg.results.records.store import RunStore


@pytest.fixture
def measured(toy, tmp_path, record_of):
    """The toy suite with all its runs done, of which no log tells; returns the store's folder."""
    store = RunStore(tmp_path / "runs")
    for run in toy.expand(tmp_path / "runs"):
        store.save(record_of(run))
        (run.folder / "log.jsonl").write_text(
            '{"epoch": 0, "loss": 1.0}\n{"epoch": 1, "loss": 1.0}\n'
        )
    return tmp_path / "runs"


def noisy_seeds(results, setting):
    """The recipe's figure: nothing of clean labels."""
    noise = results.suite.noise[setting.noise]
    return None if noise is None else new_figure(2, 1)


def test_a_new_entry_is_drawn_by_figures_and_shown_by_report(call, toy, measured, monkeypatch):
    entry = SuiteFigure("new", "A <new> figure", "noise", noisy_seeds)
    monkeypatch.setattr(figures, "FIGURES", (*FIGURES, entry))
    assert call("figures", toy.file, "--out", measured, "--format", "png,svg").status == 0
    written = {path.name for path in Path("toy-figures").iterdir()}
    assert {"new-sym40.png", "new-sym40.svg"} <= written
    assert "new-clean.png" not in written
    assert call("report", toy.file, "--out", measured).status == 0
    page = Path("toy.html").read_text(encoding="utf-8")
    assert page.count("<figcaption>A &lt;new&gt; figure: sym40<") == 1


def test_a_figure_that_is_not_in_the_registry_is_not_drawn(call, toy, measured, monkeypatch):
    monkeypatch.setattr(figures, "FIGURES", FIGURES[:1])
    call("figures", toy.file, "--out", measured)
    assert [path.name for path in Path("toy-figures").iterdir()] == ["noise-rate-segm.AP.png"]


def test_no_figure_takes_the_files_of_another():
    names = [entry.name for entry in FIGURES]
    assert len(set(names)) == len(names)
    for name in names:
        assert not any(other.startswith(f"{name}-") for other in names)


def test_each_label_has_a_file_name_of_its_own():
    labels = ["sym/40 %", "sym:40 %", "SYM_40", "...", "方法"]
    assert list(file_names(labels).values()) == ["sym_40", "sym_40-2", "SYM_40-3", "noise", "方法"]
