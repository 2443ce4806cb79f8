"""In a process of their own: whoever imports Ray here decides about tokens for all that follow."""

import json
import subprocess
import sys

import pytest

NODE = (
    "Task failed because the node it was running on is dead or unavailable. Node IP: 192.0.2.2, "
    "node ID: 164e68. This can happen if the node was preempted.\nMore lines."
)
CASES = [
    ("NodeDiedError", NODE, "node lost", "its node 192.0.2.2 is gone"),
    ("LocalRayletDiedError", "gone", "node lost", "its node is gone"),
    ("TaskUnschedulableError", "not schedulable", "node lost", "its node is gone"),
    ("WorkerCrashedError", "The worker died unexpectedly\nlines", "worker killed", "killed"),
    ("OutOfMemoryError", "Task was killed due to the node running low", "host memory", "short"),
    ("TaskCancelledError", "Task: x was cancelled.", "interrupted", "cancelled"),
]

DYING = """
import json, sys
from types import SimpleNamespace
import ray
from noisyseg.bench.cluster.ray_deaths import outcome_of

def died(kind, text):
    class Lost(getattr(ray.exceptions, kind)):
        def __init__(self):
            pass
        def __str__(self):
            return text
    def get(reference):
        raise Lost
    outcome = outcome_of(SimpleNamespace(get=get, exceptions=ray.exceptions), None)
    return {"fault": outcome.fault, "message": outcome.message, "detail": outcome.detail}

print(json.dumps([died(*case) for case in json.loads(sys.argv[1])]))
"""


@pytest.fixture(scope="module")
def outcomes():
    """What comes of a task that ends by each of Ray's real exceptions."""
    asked = json.dumps([case[:2] for case in CASES])
    done = subprocess.run(
        [sys.executable, "-c", DYING, asked], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("number", range(len(CASES)))
def test_what_ray_tells_in_many_lines_is_a_kind_and_a_few_words(outcomes, number):
    _, text, fault, message = CASES[number]
    outcome = outcomes[number]
    assert outcome["fault"] == fault
    assert message in outcome["message"]
    assert "\n" not in outcome["message"]
    assert outcome["detail"] == text  # for the log
