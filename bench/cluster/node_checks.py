"""Every node asked, before anything trains, whether it has what the runs need."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from noisyseg.bench.cluster import driver_package
from noisyseg.bench.cluster.node_files import (
    NeededFiles,
    Token,
    needed_files,
    problems_here,
    sees,
    store_token,
)
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError

T = TypeVar("T")

_LIMIT_S = 300.0  # a worker's start, and weights that are hashed over a slow network
_MEND = (
    "Put images and weights under the same paths on every node, as this machine has them: share "
    "their folder, copy it, or call `noisyseg data prepare NAME` or `noisyseg data download NAME` "
    "there. Or take the node out of the cluster."
)


class Readiness(NamedTuple):
    """What a node says of itself.

    Attributes:
        problems: what it lacks, a sentence each.
        sees_store: whether it sees the driver's store.
    """

    problems: list[str]
    sees_store: bool


def check_nodes(
    ray: Any, package: driver_package.DriverPackage, runs: Sequence[Run], root: str
) -> frozenset[str]:
    """Ask every node whether runs can be trained there.

    Args:
        ray: connected.
        package: the driver's.
        runs: whose files are written.
        root: of the store.
    Returns:
        The ids of the nodes that see the store.
    Raises:
        InputError: with all that is wrong, node by node.
    """
    files = needed_files(runs)
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    with store_token(Path(root)) as token:
        answers = _answers(ray, package, nodes, (files, token))
    wrong = [
        (node_name(node), answers[node["NodeID"]].problems)
        for node in nodes
        if answers[node["NodeID"]].problems and _is_alive(ray, node["NodeID"])
    ]
    if wrong:
        raise InputError(_message(wrong, len(nodes)))
    return frozenset(node for node, answer in answers.items() if answer.sees_store)


def answer_here(files: NeededFiles, token: Token) -> Readiness:
    """What the machine that calls this says of itself."""
    return Readiness(problems_here(files), sees(token))


def node_name(node: Mapping[str, Any]) -> str:
    """A node's host name and address, of an entry of `ray.nodes()`."""
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def ask_node(
    ray: Any,
    package: driver_package.DriverPackage,
    node: str,
    call: tuple[Callable[..., T], tuple[Any, ...]],
) -> Any:
    """Hand Ray a call for a node, to be made whatever else is done there.

    Args:
        ray: connected.
        package: the driver's.
        node: its id.
        call: a function and its arguments.
    Returns:
        The reference, for `answer_to`.
    """
    # By value: a worker that imported it by name might import another noisyseg.
    ray.cloudpickle.register_pickle_by_value(driver_package)
    task = task_on(ray, node, driver_package.call_in_worker, max_retries=1)
    return task.remote(package, ray.cloudpickle.dumps(call))


def task_on(ray: Any, node: str, function: Callable[..., Any], **options: int) -> Any:
    """A function as a task that runs on one node alone, whatever else is under way there.

    Args:
        ray: connected.
        node: its id.
        function: as Ray takes it.
        options: of Ray's tasks.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    pinned = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=pinned, **options)(function)


def answer_to(ray: Any, package: driver_package.DriverPackage, reference: Any) -> Any:
    """What a node that was asked has answered.

    Raises:
        InputError: it could not be asked, or has another noisyseg.
    """
    try:
        other, answer = ray.get(reference)
    except ray.exceptions.RayError as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise InputError(f"it could not be asked: {reason}") from None
    if other is not None:
        raise driver_package.mismatch(package, other)
    return answer


def _answers(
    ray: Any,
    package: driver_package.DriverPackage,
    nodes: Sequence[Mapping[str, Any]],
    arguments: tuple[NeededFiles, Token],
) -> dict[str, Readiness]:
    """What each node says, by its id; all are asked at once."""
    call = (answer_here, arguments)
    asked = {ask_node(ray, package, node["NodeID"], call): node["NodeID"] for node in nodes}
    ready, late = ray.wait(list(asked), num_returns=len(asked), timeout=_LIMIT_S)
    for reference in late:
        ray.cancel(reference, force=True)
    silent = Readiness([f"it has not answered within {_LIMIT_S:.0f} s"], sees_store=False)
    answers = {asked[reference]: silent for reference in late}
    for reference in ready:
        try:
            answers[asked[reference]] = answer_to(ray, package, reference)
        except InputError as error:
            answers[asked[reference]] = Readiness([str(error)], sees_store=False)
    return answers


def _is_alive(ray: Any, node: str) -> bool:
    """Whether a node is there still: of one that died meanwhile nothing is wanted."""
    return any(entry["NodeID"] == node and entry["Alive"] for entry in ray.nodes())


def _message(wrong: Sequence[tuple[str, Sequence[str]]], nodes: int) -> str:
    lines = [f"{len(wrong)} of {nodes} nodes cannot train these runs:"]
    for name, problems in wrong:
        lines += [f"  {name}: {problem}" for problem in problems]
    return "\n".join([*lines, _MEND])
