"""A run's log, line by line."""

import json

import pytest

from noisyseg.bench.leaderboard.checks.logs import check_log
from noisyseg.files import sha256_bytes

EPOCHS = 3


@pytest.fixture
def states(tmp_path):
    def make(data):
        (tmp_path / "log.jsonl").write_bytes(data)
        record = {"key": "k", "checksums": {"log": sha256_bytes(data)}}
        checks = check_log(tmp_path, record, EPOCHS)
        return {check.id: (check.state, check.detail) for check in checks}

    return make


def lines(*entries):
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


def test_a_line_for_each_epoch_with_its_loss_holds(states):
    found = states(lines(*({"epoch": n, "loss": 2.0 - n / 2} for n in range(EPOCHS))))
    assert found == {"log.file": ("holds", ""), "log.lines": ("holds", "")}


@pytest.mark.parametrize("loss", [{}, {"loss": "1.0"}, {"loss": True}, {"loss": None}])
def test_a_line_without_a_loss_is_named(states, loss):
    entries = [{"epoch": n, "loss": 1.0} for n in range(EPOCHS)]
    entries[1] = {"epoch": 1, **loss}
    state, detail = states(lines(*entries))["log.lines"]
    assert state == "fails"
    assert detail.startswith("log.jsonl:2: wanted the epoch's loss, a number, got")


@pytest.mark.parametrize("data", [b"", b"1\n" * 5, b"1\r" * EPOCHS])
def test_lines_other_than_epochs_are_counted(states, data):
    state, detail = states(data)["log.lines"]
    assert state == "fails"
    assert "wanted one for each of 3 epochs" in detail
