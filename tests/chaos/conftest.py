"""Drivers as users start them, what they leave in a store, and a suite that takes its time."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import pytest
import yaml

from noisyseg.bench.runs.heartbeat import read_heartbeat
from noisyseg.bench.runs.journal import read_events
from noisyseg.results.records.store import RunStore

METHODS = Path(__file__).with_name("own_methods.py")
CLUSTER = Path(__file__).with_name("fake_cluster.py")


def wait_for(what, condition, seconds=120.0):
    """Wait until a condition gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)
    return found


class Driver:
    """A process of `noisyseg run`, the leader of its group as under a terminal."""

    def __init__(self, command, environment, log):
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=output, start_new_session=True
            )

    def send(self, number):
        """A signal to the driver alone, as a batch system's or the kernel's."""
        os.kill(self.process.pid, number)

    def type_ctrl_c(self):
        """The terminal tells every process of the group."""
        self.type(signal.SIGINT)

    def type(self, number):
        """A signal of the terminal's, to every process of the group."""
        os.killpg(self.process.pid, number)

    def ended(self, seconds=300.0):
        """Its exit status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the driver goes on:\n{self.said[-3000:]}") from None

    @property
    def said(self):
        """What is on its terminal."""
        return self.log.read_text(errors="replace")


class Place:
    """A suite, a store and drivers on it.

    Args:
        folder: for all of it.
        suite: what its file says, or the name of a shipped one.
        root: of the store, where that is to lie elsewhere.
    Attributes:
        root: of the store.
        variables: of the environment of every driver.
    """

    def __init__(self, folder, suite, root=None):
        self.folder, self.root = folder, root or folder / "runs"
        self.suite, self._methods = suite, []
        if not isinstance(suite, str):
            self.suite = folder / f"{suite['name']}.yaml"
            self.suite.write_text(yaml.safe_dump(suite, sort_keys=False))
            own = shutil.copy(METHODS, folder)
            for name in {"slow", "Faulty"} & set(suite["methods"]):
                self._methods += ["--method-file", f"{own}:{name}"]
        self.drivers = []
        kept = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        threads = {"OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
        self.variables = kept | threads | {"XDG_CACHE_HOME": str(folder / "cache")}

    def start(self, *options, out=None, **variables):
        """A driver on the store, or on another one."""
        command = [sys.executable, "-m", "noisyseg.bench.cli", "run", self.suite]
        command += ["--out", out or self.root, *self._methods, *options]
        log = self.folder / f"driver-{len(self.drivers) + 1}.log"
        driver = Driver(list(map(str, command)), self.variables | variables, log)
        self.drivers.append(driver)
        return driver

    def close(self):
        """End what is left."""
        for driver in self.drivers:
            if driver.process.poll() is None:
                driver.process.kill()
                driver.process.wait()

    # What is in the store

    def folders(self):
        """Of its runs, by key."""
        return {Path(at).name: Path(at) for at in RunStore(self.root).run_folders()}

    def records(self, root=None):
        """Its records by key; each must hold."""
        found, problems = RunStore(root or self.root).all_records()
        assert problems == []
        return {record["key"]: record for record in found}

    def events(self, *names):
        """Those of the journal by these names; all without."""
        told = read_events(self.root)
        return [event for event in told if not names or event["event"] in names]

    def training(self):
        """The progress of runs that have made a step, by key."""
        states = {key: read_heartbeat(folder) for key, folder in self.folders().items()}
        return {key: state for key, state in states.items() if state and "loss" in state}

    def checkpoint_note(self, key):
        """What is noted of a run's last checkpoint; None without one."""
        path = self.folders()[key] / "checkpoints" / "last.json"
        return json.loads(path.read_bytes()) if path.is_file() else None

    def open_files(self):
        """(process, path) of the store's files that processes have open."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    links = [os.readlink(link) for link in (entry / "fd").iterdir()]
                except OSError:
                    continue
                yield from ((int(entry.name), at) for at in links if at.startswith(f"{self.root}/"))

    def users(self):
        """Processes that have a file of the store open: a worker has the lock of its run."""
        return {process for process, _ in self.open_files()}


class FakeCluster:
    """Two nodes, one of which can be killed, and another added."""

    def __init__(self, folder, variables):
        self._sockets = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # a short path
        log = folder / "cluster.log"
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, CLUSTER],
                env=variables | {"RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": self._sockets},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                start_new_session=True,
            )
        self.address = self._process.stdout.readline().strip()
        assert self.address, log.read_text()[-3000:]

    def tell(self, order):
        """Remove or add."""
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    def close(self):
        """End all of it."""
        self._process.communicate(timeout=60)
        shutil.rmtree(self._sockets, ignore_errors=True)


def results(record):
    """What a run gives, whoever did it and however often it was begun: no times."""
    sums = {name: value for name, value in record["checksums"].items() if name != "log"}
    return record["failure"] and record["failure"]["fault"], record["metrics"], sums


@pytest.fixture(scope="session")
def comes_true():
    return wait_for


@pytest.fixture(scope="session")
def of_records():
    """The results of records, by key."""
    return lambda records: {key: results(record) for key, record in records.items()}


SLOW = {
    "name": "slow",
    "title": "Two runs of one method",
    "data": {"format": "shapes", "size": 64, "train_images": 48, "val_images": 6},
    "model": "mask-rcnn-tiny",
    "protocol": {"extends": "smoke", "epochs": 2},
    "methods": ["slow"],
    "noise": {"sym40": {"type": "symmetric", "rate": 0.4}},
    "seeds": [0, 1],
}


@pytest.fixture(scope="session")
def place_in():
    """Makes the place of a suite in a folder; what is left of its drivers ends with the tests."""
    made = []

    def make(folder, suite=SLOW, root=None):
        made.append(Place(folder, suite, root))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def place(place_in, tmp_path):
    """As `place_in`, in the test's own folder."""
    return partial(place_in, tmp_path)


@pytest.fixture(scope="session")
def fake_cluster():
    return FakeCluster
