"""A suite's table knows the kinds of its columns and who is best in each."""

import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.reporting.suite_table import suite_table, wide_table
from noisyseg.results.statistics.fates import FATES, more_is_better
from noisyseg.results.tables.formats import render


@pytest.fixture
def suite_of(toy, tmp_path, record_of):
    """The toy suite with three seeds: lncis is 9 above ce with noise, level with clean labels."""
    toy.suite["seeds"] = [0, 1, 2]
    toy.write()
    runs = toy.expand(tmp_path / "runs")
    records = {}
    for run in runs:
        lncis = run.method_label == "lncis"
        above = 9.0 * lncis * (run.noise_label == "sym40") + 0.1 * lncis * run.seed
        records[run.key] = record_of(run, 20.0 + run.seed + above)
    suite = load_suite(str(toy.file), data_root=None, cache=tmp_path / "cache")
    return suite, runs, records


def test_columns_have_kinds_and_the_best_its_mark(suite_of):
    table = suite_table(*suite_of)
    assert table.groups == {"sym40": ("symmetric", 0.4)}
    assert table.standings == {
        ("lncis", "clean", "segm.AP"): "best",
        ("ce", "clean", "segm.AP"): "tie",
        ("lncis", "sym40", "segm.AP"): "best",
    }
    text = render(table, "latex")
    assert r"\multicolumn{1}{c}{Symmetric}" in text
    assert r"\textbf{30.1}" in text
    assert r"\underline{21.0}" in text


def test_clean_labels_have_no_best_of_relative_ap(suite_of):
    table = suite_table(*suite_of, metric="relative.AP")
    assert {noise for _, noise, _ in table.standings} == {"sym40"}


def test_a_wide_table_keeps_the_marks_of_each_metric(suite_of):
    table = wide_table(*suite_of, also=["relative.AP"])
    assert {metric for _, _, metric in table.standings} == {"segm.AP", "relative.AP"}


def test_of_wrong_labels_only_recovered_ones_are_good():
    assert {metric for metric in FATES if more_is_better(metric)} == {
        "recovered",
        "recovered.best",
    }
    assert more_is_better("agnostic.AR100")
