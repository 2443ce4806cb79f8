"""A page has the tables that say something new, and names the others."""

import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.reporting.page_tables import left_out_texts, page_tables
from noisyseg.bench.reporting.suite_results import SuiteResults
from noisyseg.bench.reporting.suite_table import suite_table
from noisyseg.bench.reporting.suite_values import ALL_METRICS
from noisyseg.results.records.record import seal

JITTER = {"ce": (0.0, 0.1, 0.0), "lncis": (0.1, 0.0, 0.0)}


@pytest.fixture
def results_of(toy, tmp_path, record_of):
    """Makes the toy's results; `numbers(method, seed)` gives a run's metrics beside mask AP."""

    def make(numbers):
        toy.suite["seeds"] = [0, 1, 2]
        toy.write()
        runs = toy.expand(tmp_path / "runs")
        records = {}
        for run in runs:
            made = record_of(run, 30.0 + run.seed + JITTER[run.method_label][run.seed])
            fields = {k: v for k, v in made.items() if k not in ("format", "key", "checksum")}
            for part, values in numbers(run.method_label, run.seed).items():
                fields["metrics"][part] = fields["metrics"].get(part, {}) | values
            records[run.key] = seal(fields)
        suite = load_suite(str(toy.file), data_root=None, cache=tmp_path / "cache")
        table = suite_table(suite, runs, records)
        return SuiteResults(suite=suite, runs=runs, records=records, table=table)

    return make


def test_what_tells_no_more_of_methods_than_mask_ap_is_named_alone(results_of):
    def numbers(method, seed):
        return {"segm": {"AP50": 50.0 + seed + JITTER[method][seed]}, "agnostic": {"AP": 40.0}}

    found = page_tables(results_of(numbers))
    assert list(found.shown) == ["segm.AP", "agnostic.AP"]
    assert found.left_out == {"segm.AP50": "segm.AP", "relative.AP": "segm.AP"}
    (text,) = left_out_texts(found, ALL_METRICS)
    assert "Mask AP50 (segm.AP50)" in text
    assert text.endswith("no more of the methods than Mask AP.")


def test_what_tells_two_methods_apart_that_mask_ap_does_not_is_shown(results_of):
    def numbers(method, seed):
        better = 9.0 if method == "lncis" else 0.0
        return {"segm": {"AP50": 50.0 + better + JITTER[method][seed]}}

    found = page_tables(results_of(numbers))
    assert "segm.AP50" in found.shown
    assert "segm.AP75" not in found.shown
    assert "segm.AP75" not in found.left_out  # which no run has


def test_the_numbers_of_another_table_are_not_shown_again(results_of):
    def numbers(method, seed):
        same = 30.0 + seed + JITTER[method][seed]
        return {"agnostic": {"AP": same}}

    found = page_tables(results_of(numbers))
    assert found.left_out["agnostic.AP"] == "segm.AP"


def test_nothing_measured_has_no_table(results_of):
    results = results_of(lambda *_: {})
    empty = SuiteResults(suite=results.suite, runs=results.runs, records={}, table=results.table)
    found = page_tables(empty)
    assert not found.shown
    assert left_out_texts(found, ALL_METRICS) == []
