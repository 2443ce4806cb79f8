import pytest

from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.cluster.share import share_of
from noisyseg.bench.runs.run import Resources
from noisyseg.errors import InputError


def cluster(*nodes):
    """Machines of so many CPUs and GPUs."""
    return [{"CPU": float(cpus), "GPU": float(gpus)} for cpus, gpus in nodes]


@pytest.mark.parametrize(
    ("nodes", "chosen", "cpus", "gpus", "resources", "parallel"),
    [
        # Two cores, no GPU: a core for each run.
        ([(2, 0)], {}, 1, 0, Resources(threads=1, device="cpu"), 2),
        ([(8, 0)], {"cpus_per_run": 3}, 3, 0, Resources(threads=3, device="cpu"), 2),
        # GPUs: one for each run and an even share of the CPUs, at most 8, to load images.
        ([(16, 4)], {}, 4, 1, Resources(threads=1, device="cuda", loader_workers=3), 4),
        ([(64, 2)], {}, 8, 1, Resources(threads=1, device="cuda", loader_workers=7), 2),
        ([(2, 4)], {}, 1, 1, Resources(threads=1, device="cuda"), 2),
        ([(8, 1)], {"gpus_per_run": 0.5, "cpus_per_run": 2}, 2, 0.5,
         Resources(threads=1, device="cuda", loader_workers=1, device_share=0.5), 2),
        ([(8, 1)], {"gpus_per_run": 0.5}, 4, 0.5,
         Resources(threads=1, device="cuda", loader_workers=3, device_share=0.5), 2),
        # Several GPUs for each run: a process with each, which may lie on two machines.
        ([(12, 4)], {"gpus_per_run": 2}, 3, 1,
         Resources(threads=1, device="cuda", loader_workers=2, ranks=2), 2),
        ([(8, 1), (8, 1)], {"gpus_per_run": 2, "cpus_per_run": 8}, 4, 1,
         Resources(threads=1, device="cuda", loader_workers=3, ranks=2), 1),
        # GPUs that are not wanted.
        ([(4, 2)], {"gpus_per_run": 0}, 1, 0, Resources(threads=1, device="cpu"), 4),
        # Several nodes: a run is on one of them.
        ([(3, 0), (5, 0)], {"cpus_per_run": 2}, 2, 0, Resources(threads=2, device="cpu"), 3),
        ([(8, 2), (4, 0)], {"cpus_per_run": 4}, 4, 1,
         Resources(threads=1, device="cuda", loader_workers=3), 2),
        # The CPUs of a machine without GPUs are of no use to runs on another.
        ([(64, 0), (8, 8)], {}, 1, 1, Resources(threads=1, device="cuda"), 8),
        ([(64, 8), (4, 2)], {}, 2, 1, Resources(threads=1, device="cuda", loader_workers=1), 10),
    ],
)  # fmt: skip
def test_a_runs_share_of_the_cluster(nodes, chosen, cpus, gpus, resources, parallel):
    share = share_of(cluster(*nodes), ClusterSettings(**chosen))
    assert (share.cpus, share.gpus, share.parallel) == (cpus, gpus, parallel)
    assert share.resources == resources


@pytest.mark.parametrize(
    ("of_one", "gpus", "parallel"),
    [(0.2, 1, 5), (0.1, 1, 10), (0.3, 1, 3), (0.4, 4, 8), (0.7, 3, 3)],
)
def test_parts_of_a_gpu_lie_on_one_gpu_each(of_one, gpus, parallel):
    share = share_of(cluster((64, gpus)), ClusterSettings(gpus_per_run=of_one))
    assert share.parallel == parallel


@pytest.mark.parametrize(
    ("nodes", "chosen", "evaluation_cpus"),
    [
        # 8 CPUs for the one GPU's training: an evaluation that asked for one would wait for it.
        ([(8, 1)], {}, 0),
        ([(16, 4)], {}, 0),
        # One is left: beside 8 for the one GPU, on another node, or where fewer were asked for.
        ([(9, 1)], {}, 1),
        ([(8, 1), (1, 0)], {"cpus_per_run": 8}, 1),
        ([(8, 2)], {"cpus_per_run": 3}, 1),
    ],
)
def test_an_evaluation_takes_a_cpu_where_trainings_leave_one(nodes, chosen, evaluation_cpus):
    share = share_of(cluster(*nodes), ClusterSettings(**chosen))
    assert share.evaluation_cpus == evaluation_cpus


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"cpus_per_run": 4}, r"needs 4 CPUs and 0 GPUs on one node.*2 CPUs and 0 GPUs, 3 CPUs"),
        ({"gpus_per_run": 1}, r"needs \d CPUs and 1 GPUs on one node.*--gpus-per-run"),
    ],
)
def test_more_than_any_node_has_is_refused_before_anything_starts(chosen, message):
    # 5 CPUs in all, but no node of 4.
    with pytest.raises(InputError, match=message):
        share_of(cluster((2, 0), (3, 0)), ClusterSettings(**chosen))
