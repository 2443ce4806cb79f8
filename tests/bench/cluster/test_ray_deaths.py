from types import SimpleNamespace

import pytest

from noisyseg.bench.cluster.ray_deaths import outcome_of


def died(kind, text):
    """What a Ray says whose task ended so; its exceptions are real."""
    import ray

    class Lost(getattr(ray.exceptions, kind)):
        def __init__(self):
            pass

        def __str__(self):
            return text

    def get(reference):
        raise Lost

    return outcome_of(SimpleNamespace(get=get, exceptions=ray.exceptions), None)


NODE = (
    "Task failed because the node it was running on is dead or unavailable. Node IP: 192.0.2.2, "
    "node ID: 164e68. This can happen if the node was preempted.\nMore lines."
)


@pytest.mark.parametrize(
    ("kind", "text", "fault", "message"),
    [
        ("NodeDiedError", NODE, "node lost", "its node 192.0.2.2 is gone"),
        ("LocalRayletDiedError", "gone", "node lost", "its node is gone"),
        ("TaskUnschedulableError", "not schedulable", "node lost", "its node is gone"),
        ("WorkerCrashedError", "The worker died unexpectedly\nlines", "worker killed", "killed"),
        ("OutOfMemoryError", "Task was killed due to the node running low", "host memory", "short"),
        ("TaskCancelledError", "Task: x was cancelled.", "interrupted", "cancelled"),
    ],
)
def test_what_ray_tells_in_many_lines_is_a_kind_and_a_few_words(kind, text, fault, message):
    outcome = died(kind, text)
    assert outcome.fault == fault
    assert message in outcome.message
    assert "\n" not in outcome.message
    assert outcome.detail == text  # for the log
