"""Two nodes of a real Ray, of which the second does not see the driver's folder.

Its raylet lives in a mount and process namespace of its own, where an empty file system lies over
that folder; ending the namespace is the node's death.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
APART = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=KILL", "sh", "-c"]
COVER = 'mount -t tmpfs -o size=16m none "$1"'
LIMIT_S = 280

CLUSTER = """
import subprocess, sys, time
import ray
from ray.cluster_utils import Cluster

head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 << 20}
cluster = Cluster(initialize_head=True, head_node_args=head)
node = subprocess.Popen([*sys.argv[1:], sys.executable, cluster.address], stdout=sys.stderr)
try:
    ray.init(address=cluster.address, logging_level="ERROR", log_to_driver=False)
    own, other = ray.get_runtime_context().get_node_id(), []
    while not other and node.poll() is None:
        time.sleep(0.1)
        other = [entry["NodeID"] for entry in ray.nodes() if entry["NodeID"] != own]
    print(cluster.address, own, *other, flush=True)
    sys.stdin.readline()
finally:
    node.kill()
    node.wait()
print("dead", flush=True)
sys.stdin.readline()
ray.shutdown()
cluster.shutdown()
"""

RAYLET = (
    COVER + ' && exec "$2" -m ray.scripts.scripts start --address="$3" --num-cpus=1 '
    "--object-store-memory=100000000 --disable-usage-stats --block"
)

# What the drivers begin with. Functions of theirs travel by value, as tests' do.
DRIVER = """
import json, os, sys
from dataclasses import replace
from pathlib import Path
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from noisyseg.bench.cluster import driver_package
from noisyseg.bench.cluster.away import home_of, working_copy
from noisyseg.bench.cluster.node_checks import check_nodes
from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.runs.execution import announce
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.prefix import Prefix
from noisyseg.errors import InputError
from noisyseg.results.records.store import RunStore

address, own, other, folder = sys.argv[1:5]
ray.init(address=address, logging_level="ERROR", log_to_driver=False)
package = driver_package.own_package()
ray.cloudpickle.register_pickle_by_value(driver_package)
folder = Path(folder)

def smoke(store, cache):
    suite = choose(load_suite("smoke", data_root=None, cache=cache), methods=["lncis"])
    return expand(suite, RunStore(store))

def begin(node, function, *arguments):
    place = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
    task = ray.remote(num_cpus=1, max_retries=0)(driver_package.call_in_worker)
    call = ray.cloudpickle.dumps((function, arguments))
    return task.options(scheduling_strategy=place).remote(package, call)

def on(node, function, *arguments):
    other, answer = ray.get(begin(node, function, *arguments))
    assert other is None
    return answer
"""


def environment():
    kept = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    return kept | {"RAY_AUTH_MODE": "disabled", "OMP_NUM_THREADS": "1"}


def last_json(out, err):
    """The last line that a driver has printed itself; Ray prints others, of nodes that died."""
    lines = [line for line in out.splitlines() if line.startswith("{")]
    assert lines, out + err[-3000:]
    return json.loads(lines[-1])


class Apart:
    """A cluster of two nodes, and drivers on it.

    Attributes:
        folder: seen by the first node alone.
        seen: seen by both.
        temporary: of both, for a node's own files.
    """

    def __init__(self, place):
        self.folder, self.seen = place / "driver", place / "seen"
        self.temporary = place / "tmp"
        for path in (self.folder, self.seen, self.temporary):
            path.mkdir()
        self.short = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # for sockets
        folders = {"TMPDIR": str(self.temporary), "RAY_TMPDIR": self.short}
        command = [sys.executable, "-c", CLUSTER, *APART, RAYLET, "sh", str(self.folder)]
        self.log = (place / "cluster.log").open("w")
        self.process = subprocess.Popen(
            command,
            env=environment() | folders,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        self.names = self.process.stdout.readline().split()
        assert len(self.names) == 3, (place / "cluster.log").read_text()[-3000:]

    def driver(self, body, *arguments):
        """A process that runs a driver's code."""
        command = [sys.executable, "-c", DRIVER + body, *self.names, self.folder, *arguments]
        return subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def told(self, body, *arguments):
        """What a driver's last line says."""
        out, err = self.driver(body, *arguments).communicate(timeout=LIMIT_S)
        return last_json(out, err)

    def kill_second(self):
        """End the second node as a machine ends."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert "dead" in self.process.stdout.readline()

    def close(self):
        self.process.communicate("\n\n", timeout=60)
        self.log.close()
        shutil.rmtree(self.short, ignore_errors=True)


@pytest.fixture(scope="module")
def clusters(tmp_path_factory):
    """Makes clusters of two nodes."""
    if shutil.which("unshare") is None:
        pytest.skip("no program unshare")
    place = tmp_path_factory.mktemp("tried")
    tried = subprocess.run([*APART, COVER, "sh", place], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no file system can be hidden from a process here: {tried.stderr.strip()}")
    return lambda: Apart(tmp_path_factory.mktemp("apart"))


@pytest.fixture(scope="module")
def apart(clusters):
    made = clusters()
    yield made
    made.close()


@pytest.fixture
def doomed(clusters):
    """A cluster of one's own, whose second node may be killed."""
    made = clusters()
    yield made
    made.close()


CHECKED = """
store, seen = folder / "runs", Path(sys.argv[5])
runs = smoke(store, seen / "cache")
seeing = check_nodes(ray, package, runs, str(store))
elsewhere = smoke(store, folder / "cache")
try:
    check_nodes(ray, package, elsewhere, str(store))
    message = None
except InputError as error:
    message = str(error)
foreign = package._replace(sha256="0" * 64, folder="/not/on/any/node")
try:
    check_nodes(ray, foreign, runs, str(store))
except InputError as error:
    message = [message, str(error)]
left = [name for name in os.listdir(store) if name.startswith(".token")]
images = [str(runs.pop().train_images) for runs in (elsewhere,)]
print(json.dumps({"sees": [own in seeing, other in seeing], "message": message, "left": left,
    "images": images}))
"""


def test_nodes_are_asked_for_images_and_the_store(apart):
    told = apart.told(CHECKED, apart.seen)
    assert told["sees"] == [True, False]
    assert told["left"] == []
    message, of_another_package = told["message"]
    assert "1 of 2 nodes cannot train these runs" in message
    assert f"no folder {told['images'][0]}, where images should be" in message
    host = os.uname().nodename
    assert f"  {host} (" in message  # with its address
    assert "data prepare" in message
    assert "2 of 2 nodes cannot train these runs" in of_another_package
    assert of_another_package.count("has another noisyseg than this process") == 2


JOINED = """
import time
from noisyseg.bench.cluster.node_admission import NodeAdmission
from noisyseg.bench.cluster.node_files import needed_files
seen = Path(sys.argv[5])
told = {}
for name, cache in (("lacks", folder / "cache"), ("has", seen / "cache")):
    # As if the second node had joined only now.
    admission = NodeAdmission(ray, package, needed_files(smoke(folder / name, cache)), [own])
    sentences, before = [], None
    deadline = time.monotonic() + 60
    while not sentences and not admission.admits(other) and time.monotonic() < deadline:
        sentences += admission.look(ray.nodes())
        before = before or admission.selector()
        time.sleep(0.1)
    place = ray.remote(num_cpus=1)(lambda: ray.get_runtime_context().get_node_id())
    at = [place.options(label_selector=s).remote() for s in (before, admission.selector()) * 3]
    told[name] = [sentences, admission.admits(other), set(ray.get(at)) <= {own}]
    told[name] += [admission.look(ray.nodes()), str(cache)]
print(json.dumps(told))
"""


def test_a_node_that_joins_gets_runs_once_it_has_what_they_need(apart):
    told = apart.told(JOINED, apart.seen)
    (sentence,), admitted, only_own, again, cache = told["lacks"]
    assert f"no folder {cache}" in sentence
    assert os.uname().nodename in sentence
    assert not admitted
    assert only_own
    assert again == []
    assert told["has"][:2] == [[], True]


COPIED = """
store, seen = folder / "copied", Path(sys.argv[5])
run = next(run for run in smoke(store, seen / "cache") if run.manifest is not None)
run.folder.mkdir(parents=True)
(run.folder / "log.jsonl").write_text("of an earlier worker")
paths = [store / ".prefixes" / name for name in ("begun", "left")]
begun, left = (Prefix(key=path.name, epochs=1, path=path, threshold=0.5) for path in paths)
begun.path.mkdir(parents=True)
begun.checkpoint.write_bytes(b"state")
begun.note.write_text("note")
run = replace(run, prefix=begun, leaves=(left,))
announce(run)
home = home_of(ray, package, str(store), [run])

def work(run, root, home):
    import os
    from pathlib import Path
    from noisyseg.bench.cluster.away import working_copy
    from noisyseg.files import sha256_file

    given = run
    with working_copy(run, root, home) as (run, root):
        found = {"seen": given.folder.exists(), "folder": str(run.folder), "root": root}
        found["log"] = (run.folder / "log.jsonl").read_text()
        files = (run.train_annotations, run.eval_annotations, run.manifest)
        found["sums"] = [sha256_file(path) for path in files]
        found["index"] = run.train_annotations.with_name("annotations.json.index").exists()
        found["begun"] = [run.prefix.checkpoint.read_text(), run.prefix.note.read_text()]
        if not found["seen"]:
            run.leaves[0].path.mkdir(parents=True)
            run.leaves[0].checkpoint.write_bytes(b"state after more")
        (run.folder / "log.jsonl").write_text("of this one")
        (run.folder / "checkpoints").mkdir()
        (run.folder / "checkpoints" / "last.pth").write_bytes(os.urandom(20 << 20))
        found["sums"].append(sha256_file(run.folder / "checkpoints" / "last.pth"))
    found["left"] = Path(root).exists()
    return found

def help(run, root, home):
    from noisyseg.bench.cluster.away import working_copy

    with working_copy(run, root, home, rank=1) as (run, root):
        found = [path.name for path in run.folder.iterdir()], run.train_annotations.exists()
        (run.folder / "rank-1.log").write_text("helped")
    return found

from noisyseg.bench.runs.state import is_locked
from noisyseg.files import sha256_file
told = on(other, work, run, str(store), home)
last = run.folder / "checkpoints" / "last.pth"
files = (run.train_annotations, run.eval_annotations, run.manifest, last)
told["expected"] = [sha256_file(path) for path in files]
told["after"] = (run.folder / "log.jsonl").read_text()
told["locked"] = is_locked(run.folder)
told["prefix"] = left.checkpoint.read_text()
home.files.hold(str(run.folder), "the first rank's")
told["helper"] = [*on(other, help, run, str(store), home)]
told["helper"].append((run.folder / "rank-1.log").read_text())
last.unlink(), (run.folder / "checkpoints").rmdir()
beside = on(own, work, run, str(store), home)
told["beside"] = [beside["folder"] == str(run.folder), beside["root"] == str(store)]
print(json.dumps(told))
"""


def test_a_run_is_worked_on_in_a_copy_where_its_store_is_not_seen(apart):
    told = apart.told(COPIED, apart.seen)
    assert not told["seen"]
    assert not told["folder"].startswith(str(apart.folder))
    assert told["log"] == "of an earlier worker"
    assert told["sums"] == told["expected"]
    assert told["index"]
    assert told["begun"] == ["state", "note"]
    assert told["prefix"] == "state after more"
    assert told["after"] == "of this one"
    assert not told["locked"]
    assert not told["left"]
    assert told["beside"] == [True, True]
    assert told["helper"] == [[], True, "helped"]


COMMAND = """
import os, sys
from noisyseg.bench.cli.command_line import main
address, out, cache = sys.argv[1:4]
os.environ["XDG_CACHE_HOME"] = cache
sys.exit(main(["run", "smoke", "--out", out, "--address", address]))
"""


def under_way(out):
    return [path.parent for path in out.glob("*/*/*/progress.json")]


@pytest.mark.long
def test_a_suite_outlives_a_node_that_does_not_see_its_store(doomed):
    out = doomed.folder / "runs"
    command = [sys.executable, "-c", COMMAND, doomed.names[0], out, doomed.seen / "caches"]
    driver = subprocess.Popen(
        list(map(str, command)),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while len(under_way(out)) < 2 and driver.poll() is None:
        time.sleep(0.1)
    doomed.kill_second()
    told, _ = driver.communicate(timeout=LIMIT_S)
    assert driver.returncode == 0, told
    records = [json.loads(path.read_text()) for path in out.glob("*/*/*/record.json")]
    assert [record["status"] for record in records] == ["done"] * 4
    assert list(doomed.temporary.glob("noisyseg-*/*/annotations/*/eval.json"))  # some went there
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    assert "node lost" in {event["event"] for event in events}
    assert [event["fault"] for event in events if event["event"] == "retried"] == ["node lost"]
    assert under_way(out) == list(out.glob(".token-*")) == []


TRAINED = """
import time
from noisyseg.bench.runs.state import is_locked
seen = Path(sys.argv[5])

def noisy_run(store):
    runs = smoke(folder / store, seen / "cache")
    run = next(run for run in runs if run.manifest is not None)
    announce(run)
    return run, str(folder / store), home_of(ray, package, str(folder / store), runs)

def work(run, root, home, slow):
    import time
    from pathlib import Path
    from noisyseg.bench.cluster.away import working_copy
    from noisyseg.bench.runs.execution import execute
    from noisyseg.bench.runs.heartbeat import Heartbeat
    from noisyseg.bench.runs.run import Resources
    from noisyseg.results.records.store import RunStore

    if slow:
        training = Heartbeat.training
        def slowly(*told, **more):
            time.sleep(2)
            training(*told, **more)
        Heartbeat.training = slowly
    with working_copy(run, root, home) as (run, root):
        return execute(run, RunStore(Path(root)), Resources(threads=1, device="cpu"))

def files_of(run):
    found = [path for path in run.folder.rglob("*") if path.is_file() and path.name[0] != "."]
    return {path.relative_to(run.folder).as_posix(): path.read_bytes() for path in found}

def timeless(record):
    times = ("started", "finished", "timings", "checksum", "usage")
    found = {k: v for k, v in record.items() if k not in times}
    return found | {"checksums": {k: v for k, v in record["checksums"].items() if k != "log"}}

def epochs(content):
    return [{k: v for k, v in json.loads(line).items() if "second" not in k}
            for line in content.splitlines()]

whole, away, broken = map(noisy_run, ("whole", "away", "broken"))
shared_record = on(own, work, *whole, False)
away_record = on(other, work, *away, False)
one, two = files_of(whole[0]), files_of(away[0])
told = {
    "status": shared_record["status"],
    "records": timeless(shared_record) == timeless(away_record),
    "stored": RunStore(folder / "away").load(away[0].spec) == away_record,
    "names": sorted(one.keys() ^ two.keys()),
    "same": [one[name] == two[name] for name in ("predictions.json.zst", "manifest.json")],
    "logs": epochs(one["log.jsonl"]) == epochs(two["log.jsonl"]),
}
dying = begin(other, work, *broken, True)
run, _, home = broken
deadline = time.monotonic() + 120
progress = {}
while not run.checkpoint.exists() and time.monotonic() < deadline:
    if (run.folder / "progress.json").exists():
        progress = json.loads((run.folder / "progress.json").read_text())
    time.sleep(0.1)
told |= {"seen": progress.get("stage"), "locked": [is_locked(run.folder)]}
print("kill", flush=True)
sys.stdin.readline()
try:
    ray.get(dying)
    told["died"] = False
except ray.exceptions.RayError:
    told["died"] = True
told["locked"].append(is_locked(run.folder))
resumed = on(own, work, *broken, False)
told["locked"].append(is_locked(run.folder))
told["resumed"] = resumed["lineage"]["resumed_from_epoch"]
told["predictions"] = files_of(run)["predictions.json.zst"] == one["predictions.json.zst"]
told["lines"] = epochs(files_of(run)["log.jsonl"]) == epochs(one["log.jsonl"])
print(json.dumps(told))
"""


@pytest.mark.long
def test_a_run_elsewhere_gives_the_same_files_and_outlives_its_node(doomed):
    driver = doomed.driver(TRAINED, doomed.seen)
    line = driver.stdout.readline()
    if line == "kill\n":
        doomed.kill_second()
    out, err = driver.communicate("\n", timeout=LIMIT_S)
    assert line == "kill\n", err[-3000:]
    assert last_json(out, err) == {
        "status": "done",
        "records": True,
        "stored": True,
        "names": [],
        "same": [True, True],
        "logs": True,
        "seen": "training",
        "locked": [True, True, False],
        "died": True,
        "resumed": 1,
        "predictions": True,
        "lines": True,
    }
