"""`table`: formats, metrics, the paper's numbers beside ours, and stale files."""

import csv
import io
import json

import pytest

from noisyseg.bench.reporting.suite_values import ALL_METRICS
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore


@pytest.fixture
def recorded(toy, tmp_path, record_of):
    """The toy suite with all its runs done; returns the store's folder."""
    toy.suite["published"] = "table1"
    toy.write()
    out = tmp_path / "runs"
    store = RunStore(out)
    for number, run in enumerate(toy.expand(out)):
        store.save(record_of(run, 30.0 + number))
    return out


def test_the_paper_stands_beside_it(call, toy, recorded):
    done = call("table", toy.file, "--out", recorded)
    assert done.status == 0
    assert "| ce | 30.0 (n=1); paper 39.3 (−9.3) | 32.0 (n=1); paper 31.5 (+0.5) |" in done.out
    assert done.err == ""


@pytest.mark.parametrize(("kind", "ending"), [("csv", "csv"), ("latex", "tex"), ("json", "json")])
def test_a_format_is_printed_and_written(call, toy, recorded, kind, ending):
    path = recorded.parent / "made" / f"own.{ending}"
    done = call("table", toy.file, "--out", recorded, "--write", path)
    assert done.status == 0
    assert path.read_text() == done.out
    assert done.err.startswith("table written to")  # a long path has a line of its own
    assert str(path) in done.err
    assert call("table", toy.file, "--out", recorded, "--format", kind).out == done.out
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(done.out)))
        assert [float(row["mean"]) for row in rows] == [30.0, 32.0, 31.0, 33.0]
    if kind == "json":
        assert [cell["published"] for cell in json.loads(done.out)["cells"]] == [
            *(39.3, 31.5),
            *(39.7, 38.1),
        ]


def test_a_format_stands_above_the_files_ending(call, toy, recorded, tmp_path):
    words = ("table", toy.file, "--out", recorded, "--write")
    assert call(*words, tmp_path / "odd.txt", "--format", "csv").out.startswith("method,")
    assert (tmp_path / "odd.txt").is_file()
    done = call(*words, tmp_path / "other.txt")
    assert (done.status, done.out) == (2, "")
    assert "wanted a table's file, ending in .md" in done.err
    assert not (tmp_path / "other.txt").exists()


def test_another_metric(call, toy, recorded):
    done = call("table", toy.file, "--out", recorded, "--metric", "agnostic.AP")
    assert done.status == 0
    assert "Class-agnostic mask AP (%)" in done.out
    assert "| ce | — | — |" in done.out  # these records are older than the metric


def test_other_metrics_stand_behind_the_own_columns(call, toy, recorded):
    """Those of them that no run has a number for are left out."""
    done = call("table", toy.file, "--out", recorded, "--also", "relative.AP,memorised")
    assert done.status == 0, done.err
    assert "; relative.AP: Mask AP, of that with clean labels (%): mean" in done.out
    assert "| Method | clean | sym40 | clean, relative.AP | sym40, relative.AP |" in done.out
    assert "(+0.5) | 100.0 (n=1) | 106.7 (n=1) |" in done.out  # 32 of 30
    assert done.out.endswith("memorised: no run has this number.\n")
    wide = call("table", toy.file, "--out", recorded, "--also", "relative.AP", "--format", "json")
    alone = call(
        "table", toy.file, "--out", recorded, "--metric", "relative.AP", "--format", "json"
    )
    cells = [json.loads(found.out)["cells"] for found in (wide, alone)]
    assert [cell for cell in cells[0] if cell["metric"] == "relative.AP"] == cells[1]
    assert len(cells[0]) == 2 * len(cells[1])


def test_as_many_metrics_as_there_are(call, toy, recorded):
    others = ",".join(name for name in ALL_METRICS if name != "segm.AP")
    done = call("table", toy.file, "--out", recorded, "--also", others)
    assert done.status == 0, done.err
    assert done.out.count("no run has this number") > 3


@pytest.mark.parametrize(
    ("also", "message"),
    [
        ("segm.AP", "segm.AP is asked for twice"),
        ("bbox.AP,bbox.AP", "twice"),
        ("box.AP", "bbox.AP"),
    ],
)
def test_metrics_that_cannot_stand_behind(call, toy, recorded, also, message):
    done = call("table", toy.file, "--out", recorded, "--also", also)
    assert (done.status, done.out) == (2, "")
    assert message in done.err


def test_an_unknown_metric(call, toy, recorded):
    done = call("table", toy.file, "--out", recorded, "--metric", "segm.ap")
    assert (done.status, done.out) == (2, "")
    assert "unknown metric 'segm.ap'. Did you mean 'segm.AP'?" in done.err


@pytest.mark.parametrize(("kind", "ending"), [("md", "md"), ("csv", "csv"), ("html", "html")])
def test_a_committed_table_is_checked(call, toy, recorded, tmp_path, kind, ending, record_of):
    file = tmp_path / f"committed.{ending}"
    file.write_text(call("table", toy.file, "--out", recorded, "--format", kind).out)
    fresh = call("table", toy.file, "--out", recorded, "--check", file)
    assert (fresh.status, fresh.out) == (0, f"{file}: up to date\n")
    run = toy.expand(recorded)[0]
    RunStore(recorded).save(record_of(run, 12.5))
    stale = call("table", toy.file, "--out", recorded, "--check", file)
    assert stale.status == 1
    assert f"{file}: stale. Line " in stale.out
    assert "30.0" in stale.out
    assert "12.5" in stale.out
    assert not (recorded / "tables").exists()


def test_a_table_that_was_cut_short_is_stale(call, toy, recorded, tmp_path):
    file = tmp_path / "committed.md"
    whole = call("table", toy.file, "--out", recorded).out
    file.write_text("\n".join(whole.splitlines()[:-1]) + "\n")
    assert call("table", toy.file, "--out", recorded, "--check", file).status == 1
    file.write_text(whole.rstrip("\n"))  # the last line break alone
    assert call("table", toy.file, "--out", recorded, "--check", file).status == 1


@pytest.mark.parametrize(
    ("name", "problem"), [("none.md", "cannot be read"), ("table.txt", "wanted a table's file")]
)
def test_a_file_that_is_no_table(call, toy, recorded, tmp_path, name, problem):
    done = call("table", toy.file, "--out", recorded, "--check", tmp_path / name)
    assert done.status == 2
    assert problem in done.err


def test_an_unknown_published_table(call, toy):
    toy.suite["published"] = "table9"
    toy.write()
    done = call("suite", "validate", toy.file)
    assert done.status == 2
    assert f"{toy.file}, line " in done.err
    assert "unknown published table 'table9'" in done.err


# Numbers made of others


def test_relative_and_touched_classes(call, toy, tmp_path, record_of):
    """Cats become dogs, foxes stay foxes: by hand from the records and the noise."""
    toy.suite["noise"] = {
        "clean": None,
        "asym": {"type": "asymmetric", "rate": 1.0, "map": {"cat": "dog"}},
    }
    toy.suite["methods"] = ["ce"]
    toy.write()
    out = tmp_path / "runs"
    store = RunStore(out)
    for run, average in zip(toy.expand(out), (40.0, 10.0), strict=True):
        fields = {
            k: v
            for k, v in record_of(run, average).items()
            if k not in ("format", "key", "checksum")
        }
        values = {"fox": 30.0, "cat": 2.0, "dog": 8.0}
        fields["metrics"]["per_class"] = {name: {"segm": v} for name, v in values.items()}
        store.save(seal(fields))
        if run.manifest is not None:
            (run.folder / "manifest.json").write_bytes(run.manifest.read_bytes())
    for metric, row in {
        "relative.AP": "| ce | 100.0 (n=1) | 25.0 (n=1) |",
        "touched.AP": "| ce | — | 5.0 (n=1) |",
        "untouched.AP": "| ce | — | 30.0 (n=1) |",
    }.items():
        done = call("table", toy.file, "--out", out, "--metric", metric)
        assert done.status == 0
        assert row in done.out, metric
    # The clean run that it is in percent of is found, though a filter leaves it out.
    noisy = call("table", toy.file, "--out", out, "--metric", "relative.AP", "--noise", "asym")
    assert "| ce | 25.0 (n=1) |" in noisy.out
    (run.folder / "manifest.json").write_text("{")
    done = call("table", toy.file, "--out", out, "--metric", "touched.AP")
    assert (done.status, done.out) == (2, "")
    assert f"{run.folder / 'manifest.json'}: not valid JSON, so no manifest of noise" in done.err


@pytest.mark.parametrize("value", ["many", 10**400, True])
def test_a_record_whose_number_is_none_is_named(call, toy, recorded, record_of, value):
    run = toy.expand(recorded)[1]
    RunStore(recorded).save(record_of(run, value))
    done = call("table", toy.file, "--out", recorded)
    assert (done.status, done.out) == (2, "")
    assert f"record of run {run.key}: metric 'segm.AP': wanted a number" in done.err
