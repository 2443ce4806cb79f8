"""What stops a run: the kinds of failure that a record tells apart."""

from typing import Literal

Fault = Literal[
    "device memory",
    "host memory",
    "not finite",
    "hang",
    "node lost",
    "worker killed",
    "disk full",
    "bad data",
    "method error",
    "interrupted",
    "terminated",
    "preempted",
    "other",
]
"""Out of memory on the device or on the host; a loss that is NaN or infinite; no step within the
limit; the machine gone; its process killed; no room for the run's files; images, annotations or
settings that cannot be used; an error in the method's own code; Ctrl-C; SIGTERM to the driver, and
to the run's own process (a batch system takes the machine back); anything else."""

STOPS: frozenset[Fault] = frozenset({"interrupted", "terminated", "preempted"})
"""Somebody's wish that a run stop: nothing is wrong with it, and it goes on another time."""
