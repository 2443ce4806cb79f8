"""Whether there is a GPU, by what NVIDIA's program says."""

from noisyseg.bench.first_suite.machine import device_here


def program(folder, text, status=0):
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\necho '{text}'\nexit {status}\n")
    path.chmod(0o755)


def test_what_the_program_lists(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    program(tmp_path, "GPU 0: NVIDIA H100 (UUID: GPU-1)")
    assert device_here() == "gpu"
    program(tmp_path, "No devices found.", status=6)
    assert device_here() == "cpu"


def test_hidden_ones_are_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    program(tmp_path, "GPU 0: NVIDIA H100 (UUID: GPU-1)")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert device_here() == "cpu"
