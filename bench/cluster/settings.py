"""Where runs go and what each may use."""

from dataclasses import dataclass


@dataclass(kw_only=True, slots=True, frozen=True)
class ClusterSettings:
    """Where runs go and what each may use.

    Attributes:
        address: None starts a private Ray on this machine; else a cluster's, or "auto".
        cpus_per_run: CPUs, and on a CPU run torch threads; None chooses.
        gpus_per_run: None means 1 where there are GPUs, else 0.
        max_retries: how often a run whose process died is started again.
    """

    address: str | None = None
    cpus_per_run: int | None = None
    gpus_per_run: float | None = None
    max_retries: int = 2
