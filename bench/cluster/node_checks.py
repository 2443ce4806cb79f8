"""Every node asked, before anything trains, whether it has what the runs need."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from noisyseg.bench.cluster.driver_package import DriverPackage
from noisyseg.bench.cluster.node_calls import answer_to, ask_node, node_name
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


def check_nodes(ray: Any, package: DriverPackage, runs: Sequence[Run], root: str) -> frozenset[str]:
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


def _answers(
    ray: Any,
    package: DriverPackage,
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
