"""A run's share of a cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from noisyseg.bench.cluster.jobs import Need
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.runs.run import Resources
from noisyseg.errors import InputError

Machine = Mapping[str, float]
"""How many of "CPU" and "GPU" one has."""


@dataclass(kw_only=True, slots=True, frozen=True)
class Share:
    """What a run takes of a cluster.

    Attributes:
        cpus, gpus: of one node, while it trains; of each of its ranks, which has one GPU at most.
        ranks: processes that train it together, each with a GPU of its own.
        evaluation_cpus: while it is evaluated, if that is a task of its own.
        parallel: how many runs train at a time.
    """

    cpus: int
    gpus: float
    evaluation_cpus: int
    parallel: int
    ranks: int = 1

    @property
    def resources(self) -> Resources:
        """What the training may use there."""
        if self.gpus:
            return Resources(
                threads=1,
                device="cuda",
                loader_workers=self.cpus - 1,
                ranks=self.ranks,
                device_share=self.gpus,
            )
        return Resources(threads=self.cpus, device="cpu")

    @property
    def training(self) -> Need:
        """What a training takes."""
        return Need(cpus=self.cpus, gpus=self.gpus, ranks=self.ranks)

    @property
    def evaluation(self) -> Need:
        """What an evaluation takes, where it is a job of its own."""
        return Need(cpus=self.evaluation_cpus)


def share_of(machines: Sequence[Machine], settings: ClusterSettings) -> Share:
    """A run's share of some machines.

    An evaluation takes a CPU where trainings leave one. Where they take all, it would wait until
    the last training is over, or a GPU wait for its CPU: then it asks for none and runs beside
    them, one thread more.

    Raises:
        InputError: no machine that has what one run needs.
    """
    has_gpus = any(m.get("GPU", 0) for m in machines)
    gpus = settings.gpus_per_run
    if gpus is None:
        gpus = 1 if has_gpus else 0
    ranks = max(1, int(gpus))
    each = gpus / ranks
    if settings.cpus_per_run is not None:
        cpus = max(1, settings.cpus_per_run // ranks)
    else:
        cpus = _cpus_beside_gpus(machines, each) if gpus and has_gpus else 1
    parallel = trainings_at_once(machines, cpus=cpus, gpus=each, ranks=ranks)
    if not parallel:
        has = ", ".join(f"{m.get('CPU', 0):g} CPUs and {m.get('GPU', 0):g} GPUs" for m in machines)
        of = "on one node" if ranks == 1 else f"for each of its {ranks} processes"
        raise InputError(
            f"a run needs {cpus} CPUs and {each:g} GPUs {of}; the nodes have: {has}. "
            "Lower --cpus-per-run or --gpus-per-run."
        )
    left = [m.get("CPU", 0) - _fitting(m, cpus, each) * cpus for m in machines]
    return Share(
        cpus=cpus,
        gpus=each,
        evaluation_cpus=int(max(left) >= 1),
        parallel=parallel,
        ranks=ranks,
    )


def trainings_at_once(
    machines: Sequence[Machine], *, cpus: int, gpus: float, ranks: int = 1
) -> int:
    """How many trainings some machines have room for; one of several ranks may lie on several."""
    return sum(_fitting(machine, cpus, gpus) for machine in machines) // ranks


def _fitting(machine: Machine, cpus: int, gpus: float) -> int:
    by_cpus = int(machine.get("CPU", 0) // cpus)
    return min(by_cpus, _by_gpus(machine, gpus)) if gpus else by_cpus


def _by_gpus(machine: Machine, gpus: float) -> int:
    """How many such parts, of one or less, a machine's GPUs have: what two leave is none."""
    # A fifth is in one five times, in floating point, too.
    return int(machine.get("GPU", 0)) * int(1 / gpus + 1e-9)


def _cpus_beside_gpus(machines: Sequence[Machine], gpus: float) -> int:
    """A run's CPUs, at most 8: images load beside the training.

    So many that, on the machine with the fewest for its GPUs, no GPU lies idle.
    """
    each = [m.get("CPU", 0) * gpus / m["GPU"] for m in machines if m.get("GPU", 0)]
    return max(1, min(8, int(min(each) + 1e-9)))
