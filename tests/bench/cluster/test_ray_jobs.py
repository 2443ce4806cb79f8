"""What is made of the nodes that Ray tells of."""

from types import SimpleNamespace

from noisyseg.bench.cluster.ray_jobs import RayJobs
from noisyseg.bench.cluster.share import Share


def node(name, cpus, gpus):
    resources = {"CPU": float(cpus), "GPU": float(gpus)}
    return {"NodeID": name, "NodeManagerHostname": name, "Alive": True, "Resources": resources}


def test_that_no_node_has_room_any_more_is_told_once(clock):
    nodes = [node("head", 4, 0), node("first", 4, 2)]
    share = Share(cpus=2, gpus=1, evaluation_cpus=0, parallel=2)
    jobs = RayJobs(SimpleNamespace(nodes=lambda: nodes), None, share, local=False)
    assert jobs.room() == 2
    assert jobs.news() == []
    lost = nodes.pop()
    clock[0] += 10
    assert jobs.room() == 0
    awaited = ("node awaited", "none that is left has room for a run")
    assert jobs.news() == [("node lost", "first"), awaited]
    clock[0] += 10
    assert jobs.news() == []
    nodes.append(lost)
    clock[0] += 10
    assert jobs.room() == 2
    assert jobs.news() == [("node joined", "first")]
