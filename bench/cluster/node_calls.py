"""A call made on one node of a cluster, whatever else is under way there."""

from collections.abc import Callable, Mapping
from typing import Any

from noisyseg.bench.cluster import driver_package
from noisyseg.errors import InputError


def node_name(node: Mapping[str, Any]) -> str:
    """A node's host name and address, of an entry of `ray.nodes()`."""
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def ask_node(
    ray: Any,
    package: driver_package.DriverPackage,
    node: str,
    call: tuple[Callable[..., Any], tuple[Any, ...]],
    *,
    max_calls: int = 0,
    max_retries: int = 1,
) -> Any:
    """Hand Ray a call for a node, to be made whatever else is done there.

    Args:
        ray: connected.
        package: the driver's.
        node: its id.
        call: a function and its arguments.
        max_calls: after which the process ends: one that has seen a GPU keeps memory of it; 0: it
            stays.
        max_retries: if the process dies.
    Returns:
        The reference, for `answer_to`.
    """
    # By value: a worker that imported it by name might import another noisyseg.
    ray.cloudpickle.register_pickle_by_value(driver_package)
    function = driver_package.call_in_worker
    task = task_on(ray, node, function, max_calls=max_calls, max_retries=max_retries)
    return task.remote(package, ray.cloudpickle.dumps(call))


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
