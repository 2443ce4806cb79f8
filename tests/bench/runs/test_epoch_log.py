import json

from noisyseg.bench.runs.epoch_log import EpochLog


def test_the_log_keeps_the_epochs_that_a_checkpoint_holds_and_no_others(tmp_path):
    path = tmp_path / "log.jsonl"
    log = EpochLog(path)
    log.start(0)
    assert path.read_bytes() == b""
    for epoch in range(3):
        log.epoch({"epoch": epoch, "loss": 0.5})
    lines = path.read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [0, 1, 2]
    resumed = EpochLog(path)
    resumed.start(2)
    assert path.read_text().splitlines() == lines[:2]
    resumed.epoch({"epoch": 2, "loss": 0.25})
    assert [json.loads(line)["loss"] for line in path.read_text().splitlines()] == [0.5, 0.5, 0.25]
    EpochLog(path).start(0)
    assert path.read_bytes() == b""
