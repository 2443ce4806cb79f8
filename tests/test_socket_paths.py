import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from noisyseg.socket_paths import shorten_temporary_folder

SAMPLE = Path(__file__).parents[1] / "noise/golden/sample.json"
LISTENER = "pymp-abcdefgh/listener-abcdefgh"  # as multiprocessing names it


@pytest.fixture
def short():
    """A folder with a short path, unlike pytest's."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="s") as folder:
        yield Path(folder)


@pytest.mark.parametrize(("length", "kept"), [(75, True), (76, False)])
def test_temporary_files_move_where_a_socket_has_no_room(short, monkeypatch, length, kept):
    place = short / ("x" * (length - len(str(short)) - 1))
    place.mkdir()
    assert (len(str(place / LISTENER)) <= 107) == kept
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(place))
    shorten_temporary_folder()
    assert (tempfile.gettempdir() == str(place)) == kept
    assert len(os.fsencode(tempfile.gettempdir())) <= 75


LOADER = """
import torch
from torch.utils.data import DataLoader
from noisyseg.socket_paths import shorten_temporary_folder
shorten_temporary_folder()
print(sum(1 for _ in DataLoader([torch.zeros(9)] * 4, num_workers=1)))
"""


def test_processes_start_and_speak_under_a_batch_system_s_long_tmpdir(tmp_path):
    long = tmp_path / "slurm_jobdir_of_somebody_with_a_long_name" / ("x" * 80)
    long.mkdir(parents=True)
    document = json.loads(SAMPLE.read_text())
    entries = document["annotations"]
    document["annotations"] = [  # enough for several processes
        {**entry, "id": entry["id"] + part * 10**9} for part in range(20) for entry in entries
    ]
    (tmp_path / "big.json").write_text(json.dumps(document))
    make = "noise make --annotations big.json --type scale --preset hard --workers 2 --seed 1 --out"
    for command in (["-c", LOADER], ["-m", "noisyseg.bench.cli", *make.split(), "noisy.json"]):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": str(long)},
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr
