"""Whose logs count: those that the runs' records name, read anew where their files change."""

from types import SimpleNamespace

import pytest

from noisyseg.bench.reporting.loss_logs import loss_logs
from noisyseg.bench.reporting.suite_values import suite_values
from noisyseg.results.records import training_log
from noisyseg.results.records.store import RunStore

EPOCHS = [[(1, 5, 3, 1)], [(6, 2, 1, 1)]]
OTHER = [[(0, 9, 1, 0)], [(0, 9, 1, 0)]]


def memorised(runs, out):
    """The number of each run that is not NaN, by method and setting."""
    records = {run.key: RunStore(out).peek(run.spec)[0] for run in runs.values()}
    values = suite_values(list(runs.values()), records, "memorised")
    return {
        cell: value
        for cell, seeds in values.items()
        for _, value in seeds.values()
        if value == value
    }


def observed(runs, out):
    logs = loss_logs(list(runs.values()), RunStore(out))
    return {(entry.run.method_label, entry.run.noise_label): entry.heads for entry in logs.observed}


def test_a_log_of_another_run_gives_no_numbers_and_is_named(logged, write_log):
    out, runs = logged(EPOCHS)
    assert memorised(runs, out) == {("ce", "sym40"): 60.0, ("lncis", "sym40"): 60.0}
    write_log(runs["ce", "sym40"], OTHER)
    assert memorised(runs, out) == {("lncis", "sym40"): 60.0}
    assert ("ce", "sym40") not in observed(runs, out)
    logs = loss_logs(list(runs.values()), RunStore(out))
    (line,) = logs.broken
    log = runs["ce", "sym40"].folder / "log.jsonl"
    assert line.startswith(f"error: ce · sym40 · seed 0: {log} is not the log that its record na")
    assert logs.skipped == []


def test_a_record_that_knows_no_checksum_takes_the_log_that_is_there(logged, write_log):
    out, runs = logged(EPOCHS, told=False)
    write_log(runs["ce", "sym40"], OTHER)
    assert memorised(runs, out) == {("ce", "sym40"): 0.0, ("lncis", "sym40"): 60.0}


def test_a_changed_log_is_read_anew(logged, write_log):
    """Whatever was read before, and however soon and however alike in size it is."""
    out, runs = logged(EPOCHS, told=False)
    for given in range(9):
        write_log(runs["ce", "sym40"], [[(1, 8, 0, 1)], [(given, 9 - given, 0, 1)]])
        assert memorised(runs, out)["ce", "sym40"] == pytest.approx(10 * given)
        assert observed(runs, out)["ce", "sym40"][0][1]["noisy"]["as_given"] == given


def test_a_log_is_parsed_once_for_all_that_ask(logged, monkeypatch):
    out, runs = logged([[(1, 2, 3, 4)], [(4, 3, 2, 1)]])
    observed(runs, out)

    def parsed(line):
        pytest.fail("it was parsed again")

    monkeypatch.setattr(training_log, "json", SimpleNamespace(loads=parsed))
    assert memorised(runs, out) == {("ce", "sym40"): 40.0, ("lncis", "sym40"): 40.0}
    assert len(observed(runs, out)) == 4


@pytest.mark.parametrize("command", ["table", "power", "figures"])
def test_every_command_that_is_asked_for_logs_names_it(call, toy, logged, write_log, command):
    out, runs = logged(EPOCHS)
    write_log(runs["ce", "sym40"], OTHER)
    metric = ("--metric", "memorised") if command in ("table", "power") else ()
    done = call(command, toy.file, "--out", out, *metric)
    assert done.status == (1 if command == "figures" else 0), done.err
    said = " ".join(done.err.split())
    assert said.count("is not the log that its record names") == 1
    assert "error: ce · sym40 · seed 0: " in said
