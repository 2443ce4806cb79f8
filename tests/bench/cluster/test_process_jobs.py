"""Jobs in real processes of this machine; what they call is Python's own."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path
from types import SimpleNamespace

import pytest

from noisyseg.bench.cluster.jobs import Job, Need
from noisyseg.bench.cluster.process_jobs import ProcessJobs
from noisyseg.bench.cluster.share import Share


def job(function, *arguments, gpus=0, part="execute", ranks=1):
    need = Need(cpus=1, gpus=gpus, ranks=ranks)
    run = SimpleNamespace(key="k")
    return Job(run=run, part=part, need=need, function=function, arguments=arguments)


@pytest.fixture
def jobs():
    made = []

    def make(parallel=2, gpus=0, of_gpu=0.0):
        share = Share(cpus=1, gpus=of_gpu, evaluation_cpus=0, parallel=parallel)
        made.append(ProcessJobs(share, gpus=gpus))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def ended(jobs, count):
    """The next so many outcomes, by the function that was called."""
    found, deadline = [], time.monotonic() + 60
    while len(found) < count and time.monotonic() < deadline:
        found += jobs.ended(1.0)
    return {job.function: outcome for job, outcome in found}


def test_answers_come_back_and_a_process_goes_on_to_other_jobs(jobs):
    place = jobs(parallel=1)
    pids = []
    for _ in range(2):
        assert place.room() == 1
        place.begin(job(os.getpid))
        assert place.room() == 0
        pids.append(ended(place, 1)[os.getpid].record)
    assert pids[0] == pids[1] != os.getpid()


def test_an_error_is_told_and_a_death_seen(jobs):
    place = jobs(parallel=3)
    place.begin(job(os._exit, 7))
    place.begin(job(Path.read_text, Path("/not/there")))
    place.begin(job(signal.raise_signal, signal.SIGKILL))
    found = ended(place, 3)
    told = found[Path.read_text]
    assert (told.fault, told.kind) == ("bad data", "FileNotFoundError")
    for died in (found[os._exit], found[signal.raise_signal]):
        assert died.fault == "worker killed"
    assert "exit status 7" in found[os._exit].message
    assert "-9" in found[signal.raise_signal].message
    place.begin(job(os.getpid))  # there is room again, and a process for it
    assert ended(place, 1)[os.getpid].record


def test_a_process_that_died_while_it_had_nothing_to_do_is_replaced(jobs):
    place = jobs(parallel=1)
    place.begin(job(os.getpid))
    idle = ended(place, 1)[os.getpid].record
    os.kill(idle, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while idle in {child.pid for child in active_children()} and time.monotonic() < deadline:
        time.sleep(0.01)
    place.begin(job(os.getpid))
    outcome = ended(place, 1)[os.getpid]
    assert outcome.record not in (None, idle)


def test_each_gpu_has_as_many_runs_as_fit_and_a_process_sees_its_own(jobs, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b")
    place = jobs(parallel=4, gpus=2, of_gpu=0.5)
    names = []
    for _ in range(2):
        for _ in range(4):
            place.begin(job(os.getenv, "CUDA_VISIBLE_DEVICES", gpus=0.5))
        found, deadline = [], time.monotonic() + 60
        while len(found) < 4 and time.monotonic() < deadline:
            found += place.ended(1.0)
        names += [outcome.record for _, outcome in found]
    assert sorted(names) == ["GPU-a"] * 4 + ["GPU-b"] * 4


def test_one_of_several_processes_that_dies_ends_the_run_and_frees_its_gpus(jobs, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    place = jobs(parallel=1, gpus=2, of_gpu=1.0)
    need = Need(cpus=1, gpus=1.0, ranks=2)
    run = SimpleNamespace(key="k")
    for _ in range(2):  # there is room for it again
        place.begin(
            Job(
                run=run,
                part="train",
                need=need,
                function=time.sleep,
                arguments=(9,),
                assist=os._exit,
            )
        )
        assert place.room() == 0
        outcome = ended(place, 1)[time.sleep]
        assert (outcome.fault, "exit status 9" in outcome.message) == ("worker killed", True)
        assert place.room() == 1
    assert active_children() == []


LISTENS_LATE = """
import os, pathlib, signal, time
pathlib.Path({begun!r}).touch()
time.sleep(0.5)  # as it imports
signal.signal(signal.SIGINT, lambda *_: os._exit(5))
time.sleep(600)
"""


def test_a_process_that_was_not_listening_yet_is_asked_to_stop_once_more(jobs, tmp_path):
    place, begun = jobs(parallel=1), tmp_path / "begun"
    place.begin(job(exec, LISTENS_LATE.format(begun=str(begun))))
    while not begun.exists():
        time.sleep(0.01)
    place.stop()
    assert "exit status 5" in ended(place, 1)[exec].message


def test_a_process_on_a_cpu_sees_no_gpu(jobs):
    place = jobs()
    place.begin(job(os.getenv, "CUDA_VISIBLE_DEVICES"))
    assert ended(place, 1)[os.getenv].record == ""


PARENT = """
import os, sys, time
from types import SimpleNamespace
from noisyseg.bench.cluster.jobs import Job, Need
from noisyseg.bench.cluster.process_jobs import ProcessJobs
from noisyseg.bench.cluster.share import Share

if __name__ == "__main__":
    jobs = ProcessJobs(Share(cpus=1, gpus=0, evaluation_cpus=0, parallel=2), gpus=0)
    def job(function, *arguments):
        run = SimpleNamespace(key="k")
        need = Need(cpus=1)
        return Job(run=run, part="execute", need=need, function=function, arguments=arguments)
    jobs.begin(job(os.getpid))
    ((_, outcome),) = jobs.ended(60)
    jobs.begin(job(time.sleep, 600))
    print(outcome.record, flush=True)
    time.sleep(600)
"""


WATCHED = """
import multiprocessing, time
from noisyseg.bench.cluster.worker_process import end_after_parent

if __name__ == "__main__":
    worker = multiprocessing.get_context("spawn").Process(target=end_after_parent)
    worker.start()
    print(worker.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("program", [PARENT, WATCHED])
def test_a_killed_parent_leaves_no_process(tmp_path, program):
    script = tmp_path / "parent.py"
    script.write_text(program)
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    assert Path(f"/proc/{worker}").exists()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()
