import json

import pytest

from noisyseg.bench.cluster.scheduler import Done
from noisyseg.results.records.record import with_fault
from noisyseg.results.records.store import RunStore


@pytest.fixture
def trained(toy, monkeypatch, record_of):
    """Puts a trainer in place that saves a record for each run; returns what it was given."""
    given = []

    def run_all(runs, store, settings, display, check, *_):
        check()
        given.append([run.key for run in runs])
        records = {run.key: record_of(run) for run in runs}
        for record in records.values():
            store.save(record)
        return Done(records=records)

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
    done = call("run", toy.file, "--out", out, "--no-sharing")
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
        "",
        "Which method is better at clean, sym40: one seed tells nothing of that.",
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
    assert done.out.splitlines()[-4:] == [
        "| ours | 30.0 (n=1) | 30.0 (n=1) |",
        "| lncis | 30.0 (n=1) | 30.0 (n=1) |",
        "",
        "Which method is better at clean, sym40: one seed tells nothing of that.",
    ]


def test_a_run_that_fails_is_named_and_the_status_is_1(call, toy, trained, tmp_path, record_of):
    def run_all(runs, store, settings, display, check, *_):
        check()
        failed = {run.key: record_of(run, failure="no memory\nat all") for run in runs[:1]}
        return Done(records=failed | {run.key: record_of(run) for run in runs[1:]})

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

    def run_all(runs, store, settings, display, check, *_):
        check()
        seen.append(settings)
        return Done(records={run.key: record_of(run) for run in runs})

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
    monkeypatch.setattr("noisyseg.bench.cluster.ray_noise.display_for", lambda _: Shown())
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
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_names_a_damaged_record_and_leaves_it(call, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    run = toy.expand(out)[0]
    _save(out, record_of(run))
    file = run.folder / "record.json"
    file.write_bytes(file.read_bytes()[:100])
    done = call("run", toy.file, "--out", out, "--dry-run")
    assert done.out.splitlines()[0].split("  ")[1] == "to train"
    assert "not a valid record" in done.err
    assert file.is_file()


def test_a_table_shows_what_there_is(call, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    _save(out, record_of(runs[1], average=12.34), record_of(runs[2], failure="boom"))
    done = call("table", toy.file, "--out", out)
    assert done.status == 0
    assert done.out.splitlines()[-4:] == [
        *("| ce | — | failed |", "| lncis | 12.3 (n=1) | — |", ""),
        "1 of 4 runs done, 1 failed; waiting: ce · clean, lncis · sym40 at seed 0.",
    ]


def test_a_run_that_was_stopped_waits_and_did_not_fail(call, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    stopped = with_fault(record_of(runs[2], failure="asked to stop"), "terminated")
    _save(out, record_of(runs[1], average=12.34), stopped)
    done = call("table", toy.file, "--out", out)
    assert done.out.splitlines()[-1].startswith("1 of 4 runs done; waiting: ")
    assert "failed" not in done.out
    told = call("status", "--out", out).out
    assert f"{runs[2].key}  stopped  toy" in told
    assert "terminated: asked to stop" in told
    assert "1 done, 0 failed, 1 stopped, 0 running, 0 waiting in" in told
    planned = json.loads(call("plan", toy.file, "--out", out, "--json").out)
    assert [run["state"] for run in planned["runs"]].count("to train") == 3


def test_a_part_of_the_runs_is_listed_and_trained_alone(call, toy, trained, tmp_path):
    given = trained()
    keys = sorted(run.key for run in toy.expand(tmp_path / "runs"))
    listed = call("run", toy.file, "--out", tmp_path / "runs", "--dry-run", "--shard", "2/3")
    assert sorted(line.split()[0] for line in listed.out.splitlines()) == keys[1::3]
    done = call("run", toy.file, "--out", tmp_path / "runs", "--shard", "2/3")
    assert sorted(given[0]) == keys[1::3]
    assert f"--shard 2/3: {len(keys[1::3])} of {len(keys)} runs" in done.err
    assert done.status == 0
    refused = call("run", toy.file, "--out", tmp_path / "runs", "--rehearse", "--shard", "2/3")
    assert refused.status == 2
    assert "--shard 2/3 is not for --rehearse" in refused.err


def test_more_gpus_a_run_than_passes_of_a_step_are_refused_before_any_run(toy, call, tmp_path):
    done = call("run", toy.file, "--out", tmp_path / "runs", "--gpus-per-run", "2")
    assert (done.status, done.out) == (2, "")
    assert "(--gpus-per-run): wanted at most 1 with protocol smoke" in done.err
    assert "(batch_size 4 / micro_batch 4), got 2" in done.err
    assert "Traceback" not in done.err


def test_what_runs_came_to_is_told_where_the_table_s_file_has_no_place(
    call, toy, tmp_path, record_of
):
    out = tmp_path / "runs"
    _save(out, *(record_of(run) for run in toy.expand(out)))
    (out / "tables").write_text("no folder")
    done = call("run", toy.file, "--out", out)
    assert done.status == 1
    assert "| lncis | 30.0 (n=1) | 30.0 (n=1) |" in done.out
    assert f"error: cannot write {out / 'tables' / 'toy.md'}" in done.err
