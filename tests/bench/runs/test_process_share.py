import subprocess
import sys

import torch

from noisyseg.bench.runs import process_share
from noisyseg.bench.runs.process_share import device_name, memory_bytes

PROGRAM = """
import sys
from pathlib import Path
from noisyseg.bench.runs.heartbeat import Heartbeat
beat = Heartbeat(Path(sys.argv[1]), epochs=2)
beat.start(0, device="cuda")
beat.training(0.5, 1.0)
beat.evaluating()
print("torch" in sys.modules)
"""


def test_nobody_imports_torch_for_it(tmp_path):
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_what_is_resident_grows_with_what_is_held():
    before = memory_bytes("cpu")
    held = bytearray(100_000_000)
    assert 90e6 < memory_bytes("cpu") - before < 200e6, len(held)


def test_memory_that_cannot_be_asked_for_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(process_share, "_STATM", tmp_path / "absent")
    assert memory_bytes("cpu") is None


def test_a_card_has_its_model_and_the_machines_number(monkeypatch):
    device_name.cache_clear()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "NVIDIA H100")
    for given, number in [("3,5", 3), ("", 0), ("GPU-8f3a", 0)]:
        device_name.cache_clear()
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        assert device_name("cuda") == f"cuda:{number} NVIDIA H100"
    device_name.cache_clear()
    assert device_name("cpu") == "cpu"
