import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from noisyseg.bench.cluster import driver_package, ray_cluster, worker_tasks
from noisyseg.bench.cluster.scheduler import run_all
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.runs.grid import expand
from noisyseg.errors import InputError
from noisyseg.results.records.store import RunStore

ROOT = Path(__file__).parents[3]


class Watch:
    """A display that remembers, and does something once while runs are under way."""

    def __init__(self, meanwhile=lambda: None):
        self.parallel, self.outcomes, self.labels = None, [], []
        self.meanwhile = meanwhile

    def start(self, runs, *, parallel, dashboard=None):
        self.labels = [run.label for run in runs]
        self.parallel = parallel

    def refresh(self, waiting):
        if list(waiting):
            self.meanwhile()
            self.meanwhile = lambda: None

    def ended(self, run, record, *, elsewhere=False):
        self.outcomes.append((run.label, record["status"]))

    def note(self, text):
        pass


def passed():
    """A check of the runs that finds nothing."""


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """The runs of the smoke suite, and their store."""
    folder = tmp_path_factory.mktemp("smoke")
    store = RunStore(folder / "runs")
    return expand(load_suite("smoke", data_root=None, cache=folder), store), store


@pytest.fixture
def task(monkeypatch):
    """Puts a function in the place of the task that trains; Ray takes it to its workers whole."""
    return lambda function: monkeypatch.setattr(worker_tasks, "execute_in_worker", function)


# On a private Ray. Nothing here may import ray before a run: it reads whether it needs a token
# as it is imported.

INTRUDER = """
import sys
import ray
ray.init(address=sys.argv[1], logging_level="ERROR")
print("reached", ray.cluster_resources()["CPU"])
"""


def intrude(address, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")} | variables
    command = [sys.executable, "-c", INTRUDER, address]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def processes_naming(session):
    """The command lines of other processes in which a folder of Ray's occurs."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            found += [command] if session in command else []
    return found


def test_a_private_ray_is_closed_to_others_and_leaves_nothing(smoke, task, tmp_path, monkeypatch):
    runs, store = smoke
    go_on = str(tmp_path / "go on")
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    names = ray_cluster._private_variables().keys()
    variables = {name: os.environ.get(name) for name in names}

    def waiting_task(run, root, resources):
        import os
        import time

        while not os.path.exists(go_on):
            time.sleep(0.05)
        return {"status": "done"}

    seen = {}

    def meanwhile():
        import ray

        try:
            address = ray.get_runtime_context().gcs_address
            seen["session"] = ray._private.worker._global_node.get_session_dir_path()
            seen["during"] = processes_naming(seen["session"])
            token = os.environ["RAY_AUTH_TOKEN"]
            seen["with"] = intrude(address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token)
            seen["without"] = intrude(address, RAY_AUTH_MODE="disabled")
        finally:
            Path(go_on).touch()

    task(waiting_task)
    watch = Watch(meanwhile)
    # Equal runs are given once.
    records = run_all(
        [*runs, runs[0]], store, ClusterSettings(cpus_per_run=1), watch, passed
    ).records

    assert records.keys() == {run.key for run in runs}
    assert len(watch.labels) == len(watch.outcomes) == 4
    assert watch.parallel == len(os.sched_getaffinity(0))
    status, out, err = seen["with"]
    assert status == 0, err
    assert out.startswith("reached")
    status, out, err = seen["without"]
    assert status != 0
    assert "reached" not in out
    assert "Authentication token is missing or incorrect" in err
    assert any("raylet" in command for command in seen["during"])
    deadline = time.monotonic() + 30
    while processes_naming(seen["session"]) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_naming(seen["session"]) == []
    assert not sys.modules["ray"].is_initialized()
    assert {name: os.environ.get(name) for name in names} == variables
    assert variables["RAY_AUTH_TOKEN"] is None
    assert variables["RAY_USAGE_STATS_ENABLED"] == "1"


def test_a_check_that_fails_beside_rays_start_stops_ray_and_trains_nothing(smoke, task):
    runs, store = smoke
    seen = {}

    def check():
        import ray

        while not ray.is_initialized():
            time.sleep(0.05)
        seen["session"] = ray._private.worker._global_node.get_session_dir_path()
        raise InputError("weights that do not fit")

    task(lambda *_: pytest.fail("trained"))
    watch = Watch()
    with pytest.raises(InputError, match="weights that do not fit"):
        run_all(runs, store, ClusterSettings(cpus_per_run=1), watch, check)
    assert watch.labels == watch.outcomes == []
    assert not sys.modules["ray"].is_initialized()
    deadline = time.monotonic() + 30
    while processes_naming(seen["session"]) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_naming(seen["session"]) == []


def test_a_mistake_in_the_runs_is_told_before_one_in_the_address(smoke):
    runs, store = smoke

    def check():
        time.sleep(0.5)
        raise InputError("weights that do not fit")

    nowhere = ClusterSettings(address="127.0.0.1:1")
    with pytest.raises(InputError, match="weights that do not fit"):
        run_all(runs, store, nowhere, Watch(), check)
    with pytest.raises(InputError, match="no Ray cluster could be reached"):
        run_all(runs, store, nowhere, Watch(), passed)


def test_workers_have_loaded_what_a_run_needs_when_the_check_is_over(smoke, task):
    runs, store = smoke

    def answering_task(run, root, resources):
        import sys

        return {"status": "done", "loaded": "mmdet" in sys.modules}

    task(answering_task)
    workers = len(os.sched_getaffinity(0))
    settings = ClusterSettings(cpus_per_run=1)
    records = run_all(runs[:workers], store, settings, Watch(), passed).records
    assert [record["loaded"] for record in records.values()] == [True] * len(records)


def test_a_run_whose_process_dies_is_tried_again_and_then_recorded(smoke, task, tmp_path):
    runs, store = smoke
    doomed, other, broken, _ = runs
    folder, names = str(tmp_path), {doomed.key: "doomed", broken.key: "broken"}

    def dying_task(run, root, resources):
        import os
        import signal
        import tempfile

        name = names.get(run.key)
        if name == "doomed":
            os.close(tempfile.mkstemp(dir=folder, prefix="attempt-")[0])
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "broken":
            raise OSError(5, "Input/output error")
        return {"status": "done"}

    task(dying_task)
    watch = Watch()
    retrying = ClusterSettings(cpus_per_run=1, max_retries=1)
    records = run_all([doomed, other, broken], store, retrying, watch, passed).records
    assert len(list(tmp_path.glob("attempt-*"))) == 2  # once, and once more
    assert records[other.key] == {"status": "done"}
    assert dict(watch.outcomes) == {
        doomed.label: "failed",
        other.label: "done",
        broken.label: "failed",
    }
    for run, kind, message in (
        (doomed, "WorkerCrashedError", "the run's process died: "),
        (broken, "OSError", "[Errno 5] Input/output error"),
    ):
        failure = records[run.key]["failure"]
        assert failure["type"] == kind
        assert failure["message"].startswith(message)
        assert store.load(run.spec) == records[run.key]


def test_workers_have_the_driver_s_package_and_nothing_of_its_working_folder(
    smoke, task, tmp_path, monkeypatch
):
    runs, store = smoke
    for name in ("noisyseg", "mmdet", "hidden"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemError('another checkout')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    long = tmp_path / ("slurm_jobdir_of_somebody_with_a_long_name/" * 3)
    long.mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", str(long))
    monkeypatch.setattr("tempfile.tempdir", None)

    def answering_task(run, root, resources):
        import importlib.util
        import sys

        import noisyseg.bench.runs.execution
        import noisyseg.noise

        def found(name):
            spec = importlib.util.find_spec(name)
            return spec and spec.origin

        return {
            "status": "done",
            "noisyseg": noisyseg.__file__,
            "execution": noisyseg.bench.runs.execution.__file__,
            "noise": noisyseg.noise.__file__,
            "mmdet": found("mmdet"),
            "hidden": found("hidden"),
            "path": sys.path,
        }

    task(answering_task)
    settings = ClusterSettings(cpus_per_run=1)
    (record,) = run_all(runs[:1], store, settings, Watch(), passed).records.values()
    import noisyseg

    package = Path(noisyseg.__file__).parent
    assert record["noisyseg"] == str(package / "__init__.py")
    assert record["execution"] == str(package / "bench/runs/execution.py")
    assert record["noise"] == str(package / "noise/__init__.py")
    assert not record["mmdet"].startswith(str(tmp_path))
    assert record["hidden"] is None
    assert str(tmp_path) not in record["path"]
    assert os.listdir(long) == []  # Ray's folder lay elsewhere


def test_a_worker_with_another_noisyseg_ends_it_all_with_both_places(smoke, monkeypatch):
    runs, store = smoke
    own = driver_package.own_package()
    other = own._replace(sha256="0" * 64, folder="/not/on/this/machine")
    monkeypatch.setattr(driver_package, "own_package", lambda: other)
    with pytest.raises(InputError) as refused:
        run_all(runs[3:], store, ClusterSettings(cpus_per_run=1), Watch(), passed)
    for part in (own.folder, "/not/on/this/machine", f"version {own.version}"):
        assert part in str(refused.value)
    assert not (runs[3].folder / "record.json").exists()


# On a cluster that is there: two nodes of one CPU

CLUSTER = """
import json, os, sys
from pathlib import Path
os.environ["RAY_AUTH_MODE"] = "disabled"
import ray
from ray.cluster_utils import Cluster
from noisyseg.bench.cluster import driver_package, scheduler, worker_tasks
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.cli.command_line import main
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.config.suite import load_suite
from noisyseg.results.records.store import RunStore

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
cluster.add_node(num_cpus=1)
os.chdir(sys.argv[1])  # not the workers' folder: a relative path must not mean theirs

class Silent:
    def start(self, runs, *, parallel, dashboard=None):
        self.parallel = parallel
    def refresh(self, waiting): ...
    def ended(self, run, record, *, elsewhere=False): ...
    def note(self, text): ...

def meet(run, root, resources, home=None):
    # Sees the other node's file if two of them run at once, as they can't on one CPU.
    import os, ray, time
    folder = os.path.join(root, "met")
    os.makedirs(folder, exist_ok=True)
    open(os.path.join(folder, ray.get_runtime_context().get_node_id()), "w").close()
    deadline = time.monotonic() + 60
    while len(os.listdir(folder)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    return {"status": "done", "met": len(os.listdir(folder))}

real = worker_tasks.execute_in_worker
worker_tasks.execute_in_worker = meet
store = RunStore(Path("meeting"))
runs = expand(load_suite("smoke", data_root=None, cache=Path("cache")), store)
silent = Silent()
settings = ClusterSettings(address=cluster.address)
records = scheduler.run_all(runs[:2], store, settings, silent, lambda: None).records
met = [record["met"] for record in records.values()]

worker_tasks.execute_in_worker = real
os.environ["XDG_CACHE_HOME"] = "cache"
arguments = ["run", "smoke", "--methods", "ce", "--noise", "clean", "--out", "runs"]
status = main([*arguments, "--address", cluster.address])
ray.init(address=cluster.address, logging_level="ERROR")
alive = sum(node["Alive"] for node in ray.nodes())
ray.shutdown()
cluster.shutdown()
print(json.dumps({"met": met, "parallel": silent.parallel, "status": status, "alive": alive}))
"""


@pytest.mark.long
def test_a_cluster_of_two_nodes_runs_two_at_once_from_any_folder_and_stays(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    command = [sys.executable, "-c", CLUSTER, str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary == {"met": [2, 2], "parallel": 2, "status": 0, "alive": 2}
    (record,) = (tmp_path / "runs").glob("*/*/*/record.json")
    assert json.loads(record.read_text())["status"] == "done"
