import json
import subprocess
import sys

import pytest

from noisyseg.bench.config.shipped import shipped_names, shipped_path
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.bench.runs.execution import _alone_in, announce
from noisyseg.bench.runs.heartbeat import Heartbeat
from noisyseg.methods.built_in import METHODS
from noisyseg.results.records.store import RunStore


@pytest.fixture
def trained(toy, monkeypatch, record_of):
    """Puts a trainer in place that saves a record for each run; returns what it was given."""
    given = []

    def run_all(runs, store, settings, display):
        given.append([run.key for run in runs])
        records = {run.key: record_of(run) for run in runs}
        for record in records.values():
            store.save(record)
        return records

    def use(trainer=run_all):
        monkeypatch.setattr("noisyseg.bench.cluster.scheduler.run_all", trainer)
        return given

    return use


def _save(out, *records):
    for record in records:
        RunStore(out).save(record)


def test_what_is_missing_is_trained_and_the_table_printed(call, toy, trained, tmp_path, record_of):
    given = trained()
    out = tmp_path / "runs"
    runs = toy.expand(out)
    _save(out, record_of(runs[0], average=50.0))
    done = call("run", toy.file, "--out", out)
    assert done.status == 0
    assert given == [[run.key for run in runs[1:]]]
    assert done.out.splitlines() == [
        "## toy",
        "",
        "Mask AP (%): mean ± sd over n seeds. One seed gives no interval.",
        "",
        "| Method | clean | sym40 |",
        "|:---|---:|---:|",
        "| ce | 50.0 (n=1) | 30.0 (n=1) |",
        "| lncis | 30.0 (n=1) | 30.0 (n=1) |",
    ]
    assert (out / "tables" / "toy.md").read_text() == done.out
    assert "toy: 1 done, 3 to train" in done.err
    assert str(out / "tables" / "toy.md") in done.err


def test_a_suite_that_is_done_trains_nothing(call, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    _save(out, *(record_of(run) for run in toy.expand(out)))
    done = call("run", toy.file, "--out", out)
    assert done.status == 0
    assert "4 done, 0 to train" in done.err


def test_a_failed_run_is_trained_again(call, toy, trained, tmp_path, record_of):
    given, out = trained(), tmp_path / "runs"
    runs = toy.expand(out)
    _save(out, *(record_of(run, failure="boom" if n == 2 else None) for n, run in enumerate(runs)))
    assert call("run", toy.file, "--out", out).status == 0
    assert given == [[runs[2].key]]


def test_runs_that_share_a_key_count_once(call, toy, trained, tmp_path):
    given = trained()
    toy.suite["methods"] = ["ours", "lncis"]
    toy.write()
    done = call("run", toy.file, "--out", tmp_path / "runs")
    assert "0 done, 2 to train" in done.err
    assert len(set(given[0])) == 2
    assert done.out.splitlines()[-2:] == [
        "| ours | 30.0 (n=1) | 30.0 (n=1) |",
        "| lncis | 30.0 (n=1) | 30.0 (n=1) |",
    ]


def test_a_run_that_fails_is_named_and_the_status_is_1(call, toy, trained, tmp_path, record_of):
    def run_all(runs, store, settings, display):
        return {run.key: record_of(run, failure="no memory\nat all") for run in runs[:1]} | {
            run.key: record_of(run) for run in runs[1:]
        }

    trained(run_all)
    out = tmp_path / "runs"
    done = call("run", toy.file, "--out", out)
    assert done.status == 1
    assert "| ce | failed | 30.0 (n=1) |" in done.out
    log = toy.expand(out)[0].folder / "run.log"
    assert f"FAILED ce · clean · seed 0: no memory\n  log: {log}" in done.err
    assert done.err.count("FAILED") == 1


def test_the_settings_of_the_cluster_arrive(call, toy, trained, tmp_path, record_of):
    seen = []

    def run_all(runs, store, settings, display):
        seen.append(settings)
        return {run.key: record_of(run) for run in runs}

    trained(run_all)
    shares = ["--cpus-per-run", "3", "--gpus-per-run", "0.5"]
    options = ["--address", "auto", *shares, "--max-retries", "7"]
    call("run", toy.file, "--out", tmp_path / "runs", *options)
    (settings,) = seen
    assert (settings.address, settings.cpus_per_run) == ("auto", 3)
    assert (settings.gpus_per_run, settings.max_retries) == (0.5, 7)


def test_the_display_is_closed_when_training_is_interrupted(
    call, toy, trained, tmp_path, monkeypatch
):
    closed = []

    class Shown:
        def close(self):
            closed.append(True)

    def run_all(*_):
        raise KeyboardInterrupt

    trained(run_all)
    monkeypatch.setattr("noisyseg.bench.cluster.progress.display_for", lambda _: Shown())
    assert call("run", toy.file, "--out", tmp_path / "runs").status == 130
    assert closed == [True]


def test_a_dry_run_lists_the_runs_and_trains_nothing(call, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    _save(out, record_of(runs[0]), record_of(runs[1], failure="boom"))
    done = call("run", toy.file, "--out", out, "--dry-run")
    assert done.status == 0
    states = ["done    ", "to train", "to train", "to train"]
    assert done.out.splitlines() == [
        f"{run.key}  {state}  {run.label}" for run, state in zip(runs, states, strict=True)
    ]


def test_a_part_of_a_suite_and_other_seeds(call, toy, tmp_path):
    choice = ["--methods", "lncis", "--noise", "sym40", "--seeds", "7,5"]
    done = call("run", toy.file, "--out", tmp_path / "runs", "--dry-run", *choice)
    labels = [line.split("  ")[-1] for line in done.out.splitlines()]
    assert labels == ["lncis · sym40 · seed 7", "lncis · sym40 · seed 5"]


def test_a_table_shows_what_there_is(call, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    _save(out, record_of(runs[1], average=12.34), record_of(runs[2], failure="boom"))
    done = call("table", toy.file, "--out", out)
    assert done.status == 0
    assert done.out.splitlines()[-2:] == ["| ce | — | failed |", "| lncis | 12.3 (n=1) | — |"]


def test_status_names_every_run_and_every_reason(call, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    _save(out, record_of(runs[0], average=50.0), record_of(runs[3], failure="boom"))
    path = RunStore(out).save(record_of(runs[1]))
    path.write_text("{")
    done = call("status", "--out", out)
    assert done.status == 0
    assert str(path) in done.err
    assert f"{runs[0].key}  done  toy  ce  clean" in done.out
    assert f"{runs[3].key}  failed  toy  lncis  symmetric-0.4\n    boom" in done.out
    assert "1 done, 1 failed, 0 running, 0 waiting in" in done.out
    assert done.out.endswith(f" {out}\n")
    listed = json.loads(call("status", "--out", out, "--json").out)
    assert {row["key"]: row["mask_ap"] for row in listed["runs"]} == {
        runs[0].key: 50.0,
        runs[3].key: None,
    }
    assert len(listed["problems"]) == 1


def test_status_tells_running_from_waiting_runs(call, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    for run in runs:
        announce(run)
    _save(out, record_of(runs[2], failure="boom"))
    heartbeat = Heartbeat(runs[0].folder, epochs=2)
    heartbeat.start(0)
    heartbeat.training(0.5, 1.25)
    with _alone_in(runs[0].folder), _alone_in(runs[2].folder):
        listed = json.loads(call("status", "--out", out, "--json").out)["runs"]
        shown = call("status", "--out", out).out
    found = {row["key"]: (row["status"], row["epoch"], row["epochs"]) for row in listed}
    assert found == {
        runs[0].key: ("running", 0.5, 2),
        runs[1].key: ("waiting", None, 2),
        runs[2].key: ("running", None, 2),  # once more after its failure
        runs[3].key: ("waiting", None, 2),
    }
    assert f"{runs[0].key}  running  toy  ce  clean\n    epoch 0.5 of 2\n" in shown
    # Killed: nobody holds the folders any more, whatever the last heartbeat said.
    after = json.loads(call("status", "--out", out, "--json").out)["runs"]
    assert {row["key"]: row["status"] for row in after} == {
        runs[0].key: "waiting",
        runs[1].key: "waiting",
        runs[2].key: "failed",
        runs[3].key: "waiting",
    }


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"data": {"name": "toy"}}'])
def test_status_names_a_spec_that_is_none(call, toy, tmp_path, content):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    announce(runs[0])
    announce(runs[1])
    path = runs[1].folder / "spec.json"
    path.write_bytes(content)
    done = call("status", "--out", out)
    assert done.status == 0
    assert f"{path}: not a run's spec" in done.err
    assert f"{runs[0].key}  waiting" in done.out


def test_status_of_a_folder_that_is_not_there(call, tmp_path):
    done = call("status", "--out", tmp_path / "none")
    counts = "0 done, 0 failed, 0 running, 0 waiting"
    assert (done.status, done.out.split()) == (0, f"{counts} in {tmp_path / 'none'}".split())
    assert json.loads(call("status", "--out", tmp_path / "none", "--json").out)["runs"] == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("words", ["suite list", "methods list", "methods show ours", "status"])
def test_json_is_one_document_and_nothing_else(call, words):
    done = call(*words.split(), "--json")
    assert done.status == 0
    assert json.loads(done.out) is not None
    assert done.err == ""


def test_suites_are_listed_and_shown(call):
    assert call("suite", "list").out.split() == shipped_names("suite")
    assert json.loads(call("suite", "list", "--json").out) == shipped_names("suite")
    shown = call("suite", "show", "smoke").out
    assert shown == shipped_path("suite", "smoke").read_text(encoding="utf-8")


def test_a_suite_is_validated_with_its_data_and_its_noise(call, toy):
    before = sorted(toy.root.rglob("*"))
    done = call("suite", "validate", toy.file)
    assert (done.status, done.out) == (0, f"{toy.file}: valid: 4 cells, 4 runs\n")
    assert sorted(toy.root.rglob("*")) == before
    for section, key, value, problem in (
        ("noise", "sym40", {"type": "symetric", "rate": 0.4}, "symmetric"),
        ("noise", "sym40", {"type": "symmetric", "rate": 4}, "from 0 to 1"),
        ("data", "classes", ["fox", "wolf"], "no category 'wolf'"),
        ("data", "clases", ["fox"], "classes"),
    ):
        kept = dict(toy.suite[section])
        toy.suite[section] = {**kept, key: value}
        toy.write()
        done = call("suite", "validate", toy.file)
        assert (done.status, done.out) == (2, "")
        assert problem in done.err
        toy.suite[section] = kept


def test_methods_are_listed_and_shown(call):
    listed = json.loads(call("methods", "list", "--json").out)
    assert [row["name"] for row in listed] == list(METHODS)
    lines = call("methods", "list").out.splitlines()
    # A method's name stands at the margin, what is told of it beside and below.
    assert [line.split()[0] for line in lines if line[0] != " "] == list(METHODS)
    text = " ".join(" ".join(lines).split())
    for row in listed:
        shown = call("methods", "show", row["name"]).out
        assert f"paper: {row['paper']}\n" in shown
        assert row["paper"] in text
        for name, value in row["parameters"].items():
            written = json.dumps(value) if isinstance(value, bool) else value
            written = f"{value:g}" if isinstance(value, float) else written
            assert f"\n  {name} = {written}\n" in shown
            assert f"{name} {written}" in text
    details = json.loads(call("methods", "show", "gce", "--json").out)
    assert (details["name"], details["parameters"]) == ("gce", {"q": 0.3})
    assert "NeurIPS 2018" in details["paper"]
    assert call("methods", "show", "ours").out == call("methods", "show", "lncis").out
    assert "\nneeds: annotation_ids\n" in call("methods", "show", "jol").out
    assert "unknown method 'gec'. Did you mean 'gce'?" in call("methods", "show", "gec").err


def test_listings_import_neither_mmdet_nor_ray(tmp_path):
    code = (
        "import sys; from noisyseg.bench.cli.command_line import main\n"
        "for words in ('suite list', 'methods list', 'status'): main(words.split())\n"
        "print(sorted({'ray', 'mmdet', 'mmcv', 'mmengine'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_generated_data_goes_to_the_user_s_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    assert cache_folder() == tmp_path / "c" / "noisyseg"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "noisyseg"
