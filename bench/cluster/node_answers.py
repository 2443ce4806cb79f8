"""Every node of a cluster asked the same: a function is called on it, and what it gives comes back.

A node with another noisyseg, or one that does not answer, says so in place of an answer.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from noisyseg.bench.cluster import driver_package
from noisyseg.bench.cluster.node_checks import node_name, task_on
from noisyseg.bench.cluster.ray_cluster import connected
from noisyseg.bench.cluster.settings import ClusterSettings

_ANSWER_S = 300.0
_CLOCK_S = 60.0
_READINGS = 5

Node: TypeAlias = Mapping[str, Any]
"""What Ray says of a node."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeAnswer:
    """What a node gave.

    Attributes:
        node: its name and address; of several with the same ones, Ray's number, too.
        value: what the function returned; None if there is a problem.
        problem: why it returned nothing; empty if it did.
        mend: the command that mends that.
        gpus: as many as Ray gives out there.
        ahead: seconds that its clock is ahead of this machine's at least (behind, if negative);
            None where it was not read.
    """

    node: str
    value: Any = None
    problem: str = ""
    mend: str = ""
    gpus: float = 0.0
    ahead: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A node's clock, read between two readings of this machine's; Unix seconds."""

    before: float
    there: float
    after: float

    @property
    def ahead(self) -> float:
        """How far it is ahead at least: 0 where it may be right, negative if it is behind."""
        return max(self.there - self.after, 0.0) + min(self.there - self.before, 0.0)


def ask_nodes(address: str, function: Callable[..., Any], *arguments: Any) -> list[NodeAnswer]:
    """Call a function on each node that is alive, all at a time.

    Args:
        address: of the cluster, as Ray takes it.
        function: found by its name in the driver's noisyseg.
        arguments: of it.
    Raises:
        InputError: no Ray at the address.
    """
    package = driver_package.own_package()
    with connected(ClusterSettings(address=address)) as (ray, _):
        nodes = named_nodes(ray.nodes())
        call = ray.cloudpickle.dumps((function, arguments))
        # By value: a worker that imported it by name might import another noisyseg.
        ray.cloudpickle.register_pickle_by_value(driver_package)
        references = {
            name: _asked_once(ray, node).remote(package, call) for name, node in nodes.items()
        }
        return [
            replace(
                _answer(ray, name, node, references[name], package),
                gpus=node["Resources"].get("GPU", 0.0),
            )
            for name, node in nodes.items()
        ]


def named_nodes(nodes: Sequence[Node]) -> dict[str, Node]:
    """The nodes that are alive, of what Ray says of all, by host name and address."""
    alive = [node for node in nodes if node["Alive"]]
    names = [node_name(node) for node in alive]
    return {
        name if names.count(name) == 1 else f"{name} {node['NodeID'][:8]}": node
        for name, node in zip(names, alive, strict=True)
    }


def _asked_once(ray: Any, node: Node) -> Any:
    """The task of a question; its process ends with it: one that has seen a GPU keeps memory."""
    return task_on(ray, node["NodeID"], driver_package.call_in_worker, max_calls=1, max_retries=0)


def _answer(
    ray: Any, name: str, node: Node, reference: Any, package: driver_package.DriverPackage
) -> NodeAnswer:
    try:
        other, value = ray.get(reference, timeout=_ANSWER_S)
        ahead = _clock(ray, node)
    except ray.exceptions.GetTimeoutError:
        ray.cancel(reference, force=True)
        text = f"no answer within {_ANSWER_S:g} s"
        return NodeAnswer(node=name, problem=text, mend="ray status")
    except ray.exceptions.RayTaskError as error:
        text = f"the question failed there: {type(error.cause).__name__}: {error.cause}"
        return NodeAnswer(node=name, problem=text, mend="pip install 'noisyseg[train]'  # there")
    except ray.exceptions.RayError as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return NodeAnswer(node=name, problem=f"it cannot be asked: {reason}", mend="ray status")
    if other is not None:
        mend = f"pip install noisyseg=={package.version}  # there, or let it see {package.folder}"
        text = str(driver_package.mismatch(package, other))
        return NodeAnswer(node=name, problem=text, mend=mend, ahead=ahead)
    return NodeAnswer(node=name, value=value, ahead=ahead)


def _clock(ray: Any, node: Node) -> float:
    """How far the node's clock is ahead, by the reading that took the least time."""

    def read() -> float:  # travels by value: the node may have no noisyseg
        return time.time()

    task = task_on(ray, node["NodeID"], read, max_retries=0)
    readings: list[Reading] = []
    for _ in range(_READINGS):  # the first one waits for a worker's start
        before = time.time()
        there = ray.get(task.remote(), timeout=_CLOCK_S)
        readings.append(Reading(before=before, there=there, after=time.time()))
    return closest(readings).ahead


def closest(readings: Sequence[Reading]) -> Reading:
    """The reading that says most: the one that took the least time."""
    return min(readings, key=lambda reading: reading.after - reading.before)
