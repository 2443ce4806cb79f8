import json

import pytest


@pytest.fixture
def runs(toy, tmp_path):
    """Four runs with folders."""
    made = toy.expand(tmp_path / "runs")
    for run in made:
        run.folder.mkdir(parents=True)
    return made


@pytest.fixture
def log():
    """Writes a run's log: one loss an epoch."""

    def write(run, *losses):
        lines = [
            {"epoch": n, "loss": loss, "seconds": 1.5, "loss_at_work": [{"clean": {}}]}
            for n, loss in enumerate(losses)
        ]
        (run.folder / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    return write
