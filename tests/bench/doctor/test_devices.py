import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from noisyseg.bench.doctor import devices

PROGRAM = """
import json
from dataclasses import asdict
from noisyseg.bench.doctor import devices
from noisyseg.bench.doctor.finding import examined
checks = [devices.torch_imports, devices.driver, devices.gpus]
print(json.dumps([asdict(one) for check in checks for one in examined("x", check)]))
"""


def found_by_a_process(**variables):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def cards(tmp_path, monkeypatch):
    """Puts a driver's program that lists two GPUs before all others; what calls it sees them."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 580.65.06\necho 580.65.06\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize(
    "error", ["ImportError('libcudart.so.13: no such file')", "OSError('libcudart.so.13')"]
)
def test_a_torch_that_cannot_be_imported_is_a_finding(tmp_path, error):
    (tmp_path / "torch.py").write_text(f"raise {error}\n")
    (found,) = found_by_a_process(PYTHONPATH=str(tmp_path))
    assert (found["name"], found["level"]) == ("torch", "problem")
    assert "libcudart.so.13" in found["text"]
    assert found["mend"].startswith("pip install --force-reinstall torch")


def test_torch_says_what_it_was_built_for():
    (found,) = devices.torch_imports()
    assert found.text.startswith(torch.__version__)
    assert (torch.version.cuda or "CPUs") in found.text


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
class TestWithoutGpus:
    def test_a_machine_without_any_trains_on_its_cpu(self, monkeypatch):
        monkeypatch.setenv("PATH", "/nowhere")
        (found,) = devices.driver()
        assert (found.level, found.text) == ("ok", "none: runs train on the CPU")
        assert list(devices.gpus()) == []
        assert devices.gpu_count() == 0

    @pytest.mark.usefixtures("cards")
    def test_gpus_that_torch_cannot_use_are_a_problem(self, monkeypatch):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        (found,) = devices.driver()
        assert found.level == "problem"
        assert found.text.startswith("2 there, but ")
        assert found.mend

    @pytest.mark.usefixtures("cards")
    def test_gpus_that_are_hidden_are_warned_of(self, monkeypatch):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
        (found,) = devices.driver()
        assert (found.level, found.mend) == ("warning", "unset CUDA_VISIBLE_DEVICES")

    @pytest.mark.usefixtures("cards")
    def test_a_torch_for_cpus_alone_is_named(self, monkeypatch):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setattr(torch.version, "cuda", None)
        (found,) = devices.driver()
        assert "built for CPUs alone" in found.text
        assert "pip install" in found.mend


GB = 10**9


@pytest.fixture
def card(monkeypatch):
    """What is found of a GPU that says of itself what is given; stands in for one."""

    def make(capability=(9, 0), built=("sm_80", "sm_90"), free=70 * GB, wrong=()):
        said = SimpleNamespace(name="H100", major=capability[0], minor=capability[1])
        cuda = SimpleNamespace(
            get_device_properties=lambda number: said,
            get_arch_list=lambda: list(built),
            mem_get_info=lambda number: (free, 80 * GB),
        )

        def tried(device):
            if isinstance(wrong, Exception):
                raise wrong
            return list(wrong)

        monkeypatch.setattr(devices, "_tried", tried)
        (found,) = devices._gpu(SimpleNamespace(cuda=cuda), 1)
        assert found.name == "GPU 1"
        return found

    return make


def test_a_gpu_tells_its_name_generation_and_memory(card):
    found = card()
    assert found.level == "ok"
    assert found.text == "H100, compute capability 9.0, 70.0 GB of 80.0 GB free"


@pytest.mark.parametrize(
    ("given", "level", "text"),
    [
        ({"capability": (12, 0)}, "problem", "for which this torch was not built (sm_80 sm_90)"),
        (
            {"wrong": RuntimeError("CUDA error: device-side\nmore")},
            "problem",
            "CUDA error: device-s",
        ),
        ({"wrong": ["NMS"]}, "problem", "wrong results of NMS"),
        ({"free": 30 * GB}, "warning", "30.0 GB of 80.0 GB free: other processes use it"),
    ],
)
def test_what_is_wrong_with_a_gpu_is_told(card, given, level, text):
    found = card(**given)
    assert found.level == level
    assert text in found.text
    assert "\n" not in found.text
    assert found.mend


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_every_gpu_is_tried():
    assert [one.level for one in devices.driver()] == ["ok"]
    found = list(devices.gpus())
    assert len(found) == torch.cuda.device_count()
    assert found[0].level != "problem"
    assert torch.cuda.get_device_name(0) in found[0].text


def test_mmcv_s_operators_are_tried_here():
    (found,) = devices.operators()
    assert found.level == "ok"
    assert "right on this CPU" in found.text


def test_operators_that_compute_wrong_are_a_problem(monkeypatch):
    monkeypatch.setattr("torchvision.ops.nms", lambda boxes, scores, threshold: scores.argsort())
    (found,) = devices.operators()
    assert found.level == "problem"
    assert found.text.endswith("wrong results of NMS")


@pytest.mark.parametrize(
    ("capability", "built", "runs"),
    [
        ((9, 0), ["sm_80", "sm_90", "compute_90"], True),
        ((8, 6), ["sm_80", "sm_90"], True),  # machine code of the same major version
        ((8, 0), ["sm_86", "sm_90"], False),  # of a later minor one
        ((7, 0), ["sm_75", "sm_80"], False),
        ((12, 0), ["sm_80", "sm_90"], False),
        ((12, 0), ["sm_90", "compute_90"], True),  # translated by the driver
        ((9, 0), ["sm_90a"], True),
        ((10, 0), ["sm_100"], True),
        ((9, 0), ["gfx90a"], True),  # another maker's
        ((9, 0), [], True),
    ],
)
def test_a_gpu_runs_what_was_built_for_it(capability, built, runs):
    assert devices.serves(capability, built) == runs
