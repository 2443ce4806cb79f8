import json
import os
import resource
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from noisyseg.bench.runs import usage
from noisyseg.bench.runs.run import Resources
from noisyseg.bench.runs.usage import forget_usage, metered, spent_on

ON_CPU = Resources(threads=1, device="cpu")
MB = 1_000_000


def burn(seconds):
    """Work of so many seconds of this process's CPU time, however long that takes."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_seconds_of_the_process_and_of_its_ended_children_are_counted(tmp_path):
    script = "import time\nwhile time.process_time() < 0.3: pass"
    with metered(tmp_path, ON_CPU):
        burn(0.2)
        subprocess.run([sys.executable, "-c", script], check=True)
    spent = spent_on(tmp_path)
    assert 0.5 <= spent["cpu_seconds"] < 1.0
    assert spent["complete"]


def test_without_a_gpu_none_was_held_and_its_memory_and_energy_are_unknown(tmp_path):
    with metered(tmp_path, ON_CPU):
        pass
    spent = spent_on(tmp_path)
    assert spent["device_seconds"] == 0
    assert (spent["peak_device_bytes"], spent["energy_joules"]) == (None, None)


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="a mark that stays")
def test_the_peak_of_memory_is_the_parts_and_not_the_processs(tmp_path):
    large, small = tmp_path / "large", tmp_path / "small"
    for folder, size in ((large, 300 * MB), (small, 100 * MB)):
        folder.mkdir()
        with metered(folder, ON_CPU):
            taken = bytearray(size)
            del taken
    peaks = [spent_on(folder)["peak_host_bytes"] for folder in (large, small)]
    assert 150 * MB < peaks[0] - peaks[1] < 250 * MB
    assert peaks[1] > 100 * MB


def test_a_peak_that_cannot_be_lowered_tells_of_a_part_that_passes_it_alone(tmp_path, monkeypatch):
    own = tmp_path / "self"
    own.mkdir()
    (own / "clear_refs").mkdir()  # no file that one could write to
    monkeypatch.setattr(usage, "_OWN", own)
    parts = []
    for before, after in ((800, 900), (900, 900)):
        (own / "status").write_text(f"Name:\tx\nVmHWM:\t    {before} kB\nVmRSS:\t 20 kB\n")
        folder = tmp_path / str(len(parts))
        folder.mkdir()
        with metered(folder, ON_CPU):
            (own / "status").write_text(f"VmHWM:\t    {after} kB\n")
        parts.append(spent_on(folder)["peak_host_bytes"])
    assert parts == [900 * 1024, None]


def test_parts_add_up_and_an_evaluation_leaves_what_the_training_had_of_a_device(tmp_path):
    with metered(tmp_path, ON_CPU):
        burn(0.1)
    training = spent_on(tmp_path)
    with metered(tmp_path, None):
        burn(0.1)
    both = spent_on(tmp_path)
    assert both["cpu_seconds"] >= training["cpu_seconds"] + 0.1
    for name in ("device", "device_seconds", "peak_device_bytes", "energy_joules"):
        assert both[name] == training[name]


def test_a_part_that_fails_counts(tmp_path):
    def fail():
        with metered(tmp_path, ON_CPU):
            burn(0.1)
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert spent_on(tmp_path)["cpu_seconds"] >= 0.1
    assert spent_on(tmp_path)["complete"]


def test_after_a_killed_part_the_sum_is_known_to_be_short(tmp_path):
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from noisyseg.bench.runs.run import Resources\n"
        "from noisyseg.bench.runs.usage import metered\n"
        "with metered(Path(sys.argv[1]), Resources(threads=1, device='cpu')):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with metered(tmp_path, ON_CPU):
        burn(0.1)
    known = spent_on(tmp_path)
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert spent_on(tmp_path) == known | {"complete": False}
    with metered(tmp_path, ON_CPU):
        pass
    assert spent_on(tmp_path)["complete"] is False


def test_of_a_killed_part_all_but_its_last_minute_is_kept(tmp_path, no_real_gpu):
    """As the driver of a machine that is taken away finds it."""
    shown, seen = no_real_gpu, []
    with metered(tmp_path, Resources(threads=1, device="cuda", device_share=0.5)) as note:
        for seconds in (30.0, 45.0, 30.0, 15.0):
            shown.clock += seconds
            note()
            seen.append(spent_on(tmp_path))
    assert [one["device_seconds"] for one in seen] == [0.0, 37.5, 37.5, 37.5]
    assert not any(one["complete"] for one in seen)
    assert (spent_on(tmp_path)["device_seconds"], spent_on(tmp_path)["complete"]) == (60.0, True)


@pytest.mark.parametrize("left", ["checkpoints/last.pth", "trained.json", "usage.json"])
def test_what_an_earlier_version_or_a_crash_left_unsaid_is_missing_from_the_sum(tmp_path, left):
    file = tmp_path / left
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"{")
    with metered(tmp_path, None):
        pass
    assert spent_on(tmp_path)["complete"] is False


def test_what_is_forgotten_begins_at_nothing(tmp_path):
    with metered(tmp_path, ON_CPU):
        burn(0.1)
    forget_usage(tmp_path)
    forget_usage(tmp_path)
    assert spent_on(tmp_path)["cpu_seconds"] == 0
    assert spent_on(tmp_path)["complete"]


def test_a_device_that_cannot_be_had_is_left_to_the_training_to_meet(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")

    def full(_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", full)
    with metered(tmp_path, Resources(threads=1, device="cuda")):
        pass
    assert spent_on(tmp_path)["device_seconds"] == 0


@pytest.fixture
def no_real_gpu(monkeypatch):
    """In the place of a GPU: its clock, its peak of memory and its counter."""
    gpu = usage._Gpu(place="cuda", name="NVIDIA Pretended", uuid="GPU-1")
    shown = SimpleNamespace(clock=100.0, joules=[5000.0, 5600.0])
    monkeypatch.setattr(usage, "_gpu", lambda device: gpu if device == "cuda" else None)
    monkeypatch.setattr(usage, "_device_peak", lambda _: 2**30)
    monkeypatch.setattr(usage, "energy_used", lambda uuid: shown.joules.pop(0))
    monkeypatch.setattr(usage.time, "perf_counter", lambda: shown.clock)
    return shown


def used(folder, shown, **resources):
    with metered(folder, Resources(threads=1, device="cuda", **resources)):
        shown.clock += 60.0
    return spent_on(folder)


def test_a_pretended_gpu_is_held_for_as_long_as_the_part_lasts(tmp_path, no_real_gpu):
    spent = used(tmp_path, no_real_gpu)
    assert (spent["device"], spent["device_seconds"]) == ("NVIDIA Pretended", 60.0)
    assert (spent["peak_device_bytes"], spent["energy_joules"]) == (2**30, 600.0)


def test_of_a_pretended_gpu_that_is_shared_a_part_is_held_and_no_energy_known(
    tmp_path, no_real_gpu
):
    spent = used(tmp_path, no_real_gpu, device_share=0.25)
    assert (spent["device_seconds"], spent["energy_joules"]) == (15.0, None)


def test_several_pretended_gpus_count_each_and_other_processes_are_unknown(tmp_path, no_real_gpu):
    spent = used(tmp_path, no_real_gpu, ranks=4)
    assert spent["device_seconds"] == 240.0
    assert (spent["cpu_seconds"], spent["energy_joules"]) == (None, None)


@pytest.mark.parametrize("joules", [[5000.0, 10.0], [None], [5000.0, None]])
def test_a_pretended_counter_that_began_anew_or_is_gone_tells_nothing(
    tmp_path, no_real_gpu, joules
):
    no_real_gpu.joules = joules
    assert used(tmp_path, no_real_gpu)["energy_joules"] is None


def test_a_real_gpu_tells_its_name_its_peak_and_its_energy(tmp_path):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    pynvml = pytest.importorskip("pynvml")
    with metered(tmp_path, Resources(threads=1, device="cuda")):
        values = torch.zeros(50 * MB, device="cuda")  # 200 MB
        for _ in range(50):
            values.mul_(1.0)
        torch.cuda.synchronize()
        time.sleep(0.3)
        del values
    spent = spent_on(tmp_path)
    assert spent["device"] == torch.cuda.get_device_name()
    assert spent["device_seconds"] >= 0.3
    assert 200 * MB <= spent["peak_device_bytes"] < 300 * MB
    pynvml.nvmlInit()
    most = pynvml.nvmlDeviceGetPowerManagementLimit(pynvml.nvmlDeviceGetHandleByIndex(0)) / 1000
    assert spent["energy_joules"] is None or (
        0 < spent["energy_joules"] < 2 * most * spent["device_seconds"]
    )


def test_the_file_is_plain_json_with_seconds_that_getrusage_bears_out(tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF)
    with metered(tmp_path, ON_CPU):
        burn(0.1)
    after = resource.getrusage(resource.RUSAGE_SELF)
    noted = json.loads((tmp_path / "usage.json").read_bytes())
    whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert noted["spent"]["cpu_seconds"] == pytest.approx(whole, abs=0.1)
    assert noted["under_way"] is False
