"""Where runs go and what each may use."""

from dataclasses import dataclass

from noisyseg.bench.runs.watchdog import STEP_LIMIT_S


@dataclass(kw_only=True, slots=True, frozen=True)
class ClusterSettings:
    """Where runs go and what each may use.

    Attributes:
        address: None starts a private Ray on this machine; else a cluster's, or "auto".
        cpus_per_run: CPUs, and on a CPU run torch threads; None chooses.
        gpus_per_run: a part of one, one, or several, which then train a run together; None means
            1 where there are GPUs, else 0.
        max_retries: how often in a row a run whose process died is started again.
        without_ray: runs are done by processes of this one, on this machine.
        wait: for runs that another driver has; else they are left to it.
        keep_checkpoints: of earlier epochs, too.
        step_limit: seconds without a step after which a training is ended; None: never.
    """

    address: str | None = None
    cpus_per_run: int | None = None
    gpus_per_run: float | None = None
    max_retries: int = 2
    without_ray: bool = False
    wait: bool = True
    keep_checkpoints: bool = False
    step_limit: float | None = STEP_LIMIT_S
