"""A run's share of a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.runs.run import Resources
from noisyseg.errors import InputError


@dataclass(kw_only=True, slots=True, frozen=True)
class Share:
    """What a run takes of a cluster.

    Attributes:
        cpus, gpus: of one node, while it trains.
        evaluation_cpus: while it is evaluated, if that is a task of its own.
        parallel: how many runs train at a time.
    """

    cpus: int
    gpus: float
    evaluation_cpus: int
    parallel: int

    @property
    def resources(self) -> Resources:
        """What the training may use there."""
        if self.gpus:
            workers, part = self.cpus - 1, min(1.0, self.gpus)
            return Resources(threads=1, device="cuda", loader_workers=workers, device_share=part)
        return Resources(threads=self.cpus, device="cpu")


def share_of(ray: Any, settings: ClusterSettings) -> Share:
    """A run's share of the cluster that Ray is connected to.

    An evaluation takes a CPU where trainings leave one. Where they take all, Ray would let it wait
    until the last training is over, or a GPU wait for its CPU: then it asks for none and runs
    beside them, one thread more.

    Raises:
        InputError: no node that has what one run needs.
    """
    total = ray.cluster_resources()
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpus = settings.gpus_per_run
    if gpus is None:
        gpus = 1 if total.get("GPU", 0) else 0
    on_gpu = gpus and total.get("GPU", 0)
    cpus = settings.cpus_per_run or (_cpus_beside_gpus(total, gpus) if on_gpu else 1)
    trainings = [_trainings_on(node, cpus, gpus) for node in nodes]
    if not any(trainings):
        has = ", ".join(f"{n.get('CPU', 0):g} CPUs and {n.get('GPU', 0):g} GPUs" for n in nodes)
        raise InputError(
            f"a run needs {cpus} CPUs and {gpus:g} GPUs on one node; the nodes have: {has}. "
            "Lower --cpus-per-run or --gpus-per-run."
        )
    left = [node.get("CPU", 0) - n * cpus for node, n in zip(nodes, trainings, strict=True)]
    return Share(cpus=cpus, gpus=gpus, evaluation_cpus=int(max(left) >= 1), parallel=sum(trainings))


def _trainings_on(node: Mapping[str, float], cpus: int, gpus: float) -> int:
    by_cpus = int(node.get("CPU", 0) // cpus)
    return min(by_cpus, int(node.get("GPU", 0) // gpus)) if gpus else by_cpus


def _cpus_beside_gpus(total: Mapping[str, float], gpus: float) -> int:
    """A run's even share of the CPUs by its GPUs, at most 8: images load beside the training."""
    return max(1, min(8, int(total.get("CPU", 1) * gpus / total["GPU"])))
