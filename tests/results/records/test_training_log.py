import copy
import json

import pytest

from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.results.records.loss_at_work import BINS, GROUPS, MARKS, SETS, with_statistics
from noisyseg.results.records.training_log import NoReportsError, read_reports


def report():
    group = {**dict.fromkeys(MARKS, 2), "mean_loss": 0.5, "histogram": [2] + [0] * BINS}
    counts = {name: copy.deepcopy(group) for name in GROUPS}
    return with_statistics(
        {"gamma": 6.0, "bin_width": 0.25, "sets": dict.fromkeys(SETS, 1), **counts}
    )


def lines(epochs=3, heads=1):
    return [
        {"epoch": epoch, "loss": 1.0, "loss_at_work": [report() for _ in range(heads)]}
        for epoch in range(epochs)
    ]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"

    def write(entries):
        path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
        return path

    return write


@pytest.mark.parametrize("heads", [1, 3])
def test_reports_come_by_head_and_epoch(log, heads):
    entries = lines(epochs=2, heads=heads)
    entries[1]["loss_at_work"][-1]["sets"]["negative"] = 77
    found = read_reports(log(entries), epochs=2)
    assert [len(epochs) for epochs in found] == [2] * heads
    assert found[-1][1]["sets"]["negative"] == 77
    assert found[0][0] == report()


def test_a_log_without_reports_is_an_older_one(log):
    entries = [{"epoch": epoch, "loss": 1.0} for epoch in range(2)]
    with pytest.raises(NoReportsError, match="did not count"):
        read_reports(log(entries), epochs=2)
    entries[0]["loss_at_work"] = [report()]
    with pytest.raises(NoReportsError, match="for every epoch"):
        read_reports(log(entries), epochs=2)


def test_other_counts_are_another_versions(log):
    entries = lines()
    del entries[1]["loss_at_work"][0]["clean"]["above_6"]
    with pytest.raises(NoReportsError, match=r"log\.jsonl:2: .*above_6"):
        read_reports(log(entries), epochs=3)
    entries = lines()
    entries[2]["loss_at_work"][0]["bin_width"] = 0.5
    with pytest.raises(NoReportsError, match=r"log\.jsonl:3"):
        read_reports(log(entries), epochs=3)


def test_a_torn_line_is_named(log):
    path = log(lines())
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"log\.jsonl:3: not JSON, or torn") as caught:
        read_reports(path, epochs=3)
    assert not isinstance(caught.value, NoReportsError)


@pytest.mark.parametrize("content", [b"", b"[]\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n"])
def test_what_is_no_log_is_refused(tmp_path, content):
    path = tmp_path / "log.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"log\.jsonl"):
        read_reports(path, epochs=1)


def test_missing_lines_and_files_are_refused(log, tmp_path):
    with pytest.raises(InputError, match="3 lines, wanted one for each of 4 epochs"):
        read_reports(log(lines()), epochs=4)
    with pytest.raises(InputError, match="wanted the line of epoch 1"):
        read_reports(log([lines()[0], lines()[2]]), epochs=2)
    with pytest.raises(InputError, match="cannot read the log"):
        read_reports(tmp_path / "none.jsonl", epochs=1)


def test_a_log_is_the_one_that_is_asked_for(log):
    path = log(lines())
    assert read_reports(path, epochs=3, sha256=sha256_file(path))
    with pytest.raises(InputError, match="is not the log that its record names") as caught:
        read_reports(path, epochs=3, sha256="0" * 64)
    assert not isinstance(caught.value, NoReportsError)


def test_counts_that_contradict_each_other_are_refused(log):
    entries = lines()
    entries[1]["loss_at_work"][0]["noisy"]["rois"] = 3
    with pytest.raises(InputError, match=r"log\.jsonl:2: its counts contradict"):
        read_reports(log(entries), epochs=3)
    entries = lines()
    entries[1]["loss_at_work"] *= 2
    with pytest.raises(InputError, match="different numbers of box heads"):
        read_reports(log(entries), epochs=3)
