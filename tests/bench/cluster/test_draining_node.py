"""A real node that is drained, as one is that gets SIGTERM."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from noisyseg.bench.cluster.draining_node import draining_nodes, told_of_draining
from noisyseg.bench.cluster.ray_jobs import RayJobs
from noisyseg.bench.cluster.share import Share

ROOT = Path(__file__).parents[3]
CLUSTER = """
import json, os, sys, time
os.environ["RAY_AUTH_MODE"] = "disabled"
import ray
from ray.cluster_utils import Cluster
from ray._raylet import GcsClient
from ray.core.generated import autoscaler_pb2

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
cluster.add_node(num_cpus=1)
ray.init(address=cluster.address, logging_level="ERROR", log_to_driver=False)

@ray.remote(num_cpus=1, max_retries=0)
def run(marks):
    import os, time
    from noisyseg.bench.cluster.draining_node import told_of_draining
    from noisyseg.bench.runs.stop_signal import asked_to_stop, stop_signals
    with told_of_draining(), stop_signals():
        open(os.path.join(marks, "began"), "w").close()
        deadline = time.monotonic() + 60
        while asked_to_stop() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        return asked_to_stop()

marks = sys.argv[1]
reference = run.remote(marks)
while not os.path.exists(os.path.join(marks, "began")):
    time.sleep(0.05)
(node,) = [node["NodeID"] for node in ray.nodes() if node["Resources"].get("CPU")]
reason = autoscaler_pb2.DrainNodeReason.DRAIN_NODE_REASON_PREEMPTION
began = time.monotonic()
GcsClient(cluster.address).drain_node(node, reason, "a test", int(time.time() * 1000) + 30000)
print(json.dumps([ray.get(reference), time.monotonic() - began]))
sys.stdout.flush()
ray.shutdown()
cluster.shutdown()
"""


@pytest.mark.long
def test_a_run_on_a_node_that_is_drained_is_asked_to_stop(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, "-c", CLUSTER, str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.stdout, done.stderr
    fault, seconds = json.loads(done.stdout.splitlines()[-1])
    assert fault == "preempted"
    assert seconds < 15  # of the 30 that a node has


@pytest.fixture
def ray(monkeypatch):
    """Says that a node is drained, in the place of Ray."""

    class State:
        def __init__(self):
            self.draining = {}

        def get_draining_nodes(self):
            return self.draining

    state = State()
    module = type(sys)("ray")
    module.is_initialized = lambda: True
    module.get_runtime_context = lambda: type("", (), {"get_node_id": lambda self: "here"})()
    module._private = type("", (), {"state": type("", (), {"state": state})})
    monkeypatch.setitem(sys.modules, "ray", module)
    monkeypatch.setattr("noisyseg.bench.cluster.draining_node._LOOK_EVERY_S", 0.02)
    return state


@pytest.mark.parametrize(("node", "told"), [("here", 1), ("there", 0)])
def test_the_process_gets_one_signal_for_its_own_node(ray, node, told):
    came = []
    arrived = threading.Event()

    def handler(number, frame):
        came.append(number)
        arrived.set()

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with told_of_draining():
            ray.draining = {node: 0}
            arrived.wait(0.3)
            arrived.clear()
            arrived.wait(0.2)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert came == [signal.SIGTERM] * told


def test_a_node_that_is_drained_has_no_room(ray):
    def node(number):
        return {
            "NodeID": number,
            "NodeManagerHostname": f"host of {number}",
            "Alive": True,
            "Resources": {"CPU": 2.0},
        }

    module = sys.modules["ray"]
    module.nodes = lambda: [node("here"), node("there")]
    share = Share(cpus=1, gpus=0, evaluation_cpus=1, parallel=4)
    assert RayJobs(module, None, share, local=False).room() == 4
    ray.draining = {"here": 0}
    assert RayJobs(module, None, share, local=False).room() == 2


def test_another_ray_that_cannot_be_asked_has_no_such_node():
    assert draining_nodes(SimpleNamespace()) == set()


def test_a_process_without_ray_is_left_alone(monkeypatch):
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    before = threading.active_count()
    with told_of_draining():
        assert threading.active_count() == before
