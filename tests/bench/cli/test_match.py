"""`match`: what is printed of the paper's cells and the measured intervals."""

import json
from pathlib import Path

import pytest

from noisyseg.results.records.store import RunStore


@pytest.fixture
def recorded(toy, tmp_path, record_of):
    """Three seeds of the toy suite, named as a table of the paper's."""

    def make(published):
        toy.suite |= {"published": published, "seeds": [0, 1, 2]}
        toy.write()
        store = RunStore(tmp_path / "runs")
        for run in toy.expand(tmp_path / "runs"):
            store.save(record_of(run, 30.0 + run.seed))
        return tmp_path / "runs"

    return make


def test_the_report_says_what_it_is_of(call, toy, recorded):
    out = recorded("table3")
    done = call("match", toy.file, "--out", out)
    assert done.status == 0
    assert "Paper: Cityscapes (train on fine train, evaluate on val)." in done.out
    assert "protocol smoke, model mask-rcnn-tiny, data toy, seeds 0, 1, 2." in done.out
    # 31 ± 4.303 · √(4/3) = 4.968: the paper's 32.5 is inside, its 21.0 below.
    assert (
        "| ce | clean | segm.AP | 32.5 | figure | 31.0 (n=3) | 26.0 to 36.0 | inside |" in done.out
    )
    assert (
        "| ce | sym40 | segm.AP | 21.0 | figure | 31.0 (n=3) | 26.0 to 36.0 | below |" in done.out
    )
    document = json.loads(call("match", toy.file, "--out", out, "--json").out)
    assert "prediction interval of one more run" in document["interval"]
    assert document["interval"] in done.out
    assert document["not_comparable"] == []
    assert len(document["cells"]) == 21
    assert document["counts"]["not run"] == 21 - 4
    assert f"Of 21 cells: {document['counts']['inside']} inside" in done.out


def test_voc_is_not_comparable_and_the_reason_stands_there(call, toy, recorded):
    done = call("match", toy.file, "--out", recorded("table1"))
    assert "The paper does not say where VOC's masks are from" in done.out
    assert "(not comparable) |" in done.out
    assert "not comparable" in done.out.splitlines()[5]


def test_where_the_paper_contradicts_itself_is_said(call, toy, recorded):
    out = recorded("table2")
    printed = call("match", toy.file, "--out", out).out
    table = call("table", toy.file, "--out", out).out
    boxes = call("table", toy.file, "--out", out, "--metric", "bbox.AP").out
    assert call("report", toy.file, "--out", out).status == 0
    said = "its text has lncis above ce by 3.1 at sym40 and by 4.2 at sym60"
    assert said in printed
    assert said in table
    assert said in Path("toy.html").read_text(encoding="utf-8")
    assert said not in boxes  # of which the paper has no number


def test_partial_data_are_not_comparable(call, toy, recorded):
    toy.suite["data"]["name"] = "toy-partial"
    document = json.loads(call("match", toy.file, "--out", recorded("table3"), "--json").out)
    (reason,) = document["not_comparable"]
    assert reason == "The data set toy-partial has fewer images than the official number."


def test_a_table_of_several_metrics(call, toy, recorded):
    document = json.loads(call("match", toy.file, "--out", recorded("table4"), "--json").out)
    cells = {(cell["method"], cell["noise"], cell["metric"]): cell for cell in document["cells"]}
    assert cells["ce", "sym40", "segm.AP50"]["published"] == 57.4
    assert cells["ce", "sym40", "segm.AP50"]["position"] == "not run"  # no such number in these
    assert cells["ce", "sym40", "segm.AP"]["position"] == "inside"


def test_a_suite_without_a_table_of_the_papers(call, toy):
    Path("runs").mkdir()
    done = call("match", toy.file)
    assert (done.status, done.out) == (2, "")
    assert "stands beside no table of the paper's" in done.err
