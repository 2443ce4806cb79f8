"""Nodes that join while runs are under way: they get none before they have been asked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from noisyseg.bench.cluster import driver_package
from noisyseg.bench.cluster.node_calls import answer_to, ask_node, node_name
from noisyseg.bench.cluster.node_files import NeededFiles, problems_here
from noisyseg.errors import InputError

_LABEL = "ray.io/node-id"


class NodeAdmission:
    """Asks nodes that join, and keeps runs from those that have not answered, or lack something.

    Args:
        ray: connected.
        package: the driver's.
        files: what a node must have.
        admitted: ids of the nodes that have it.
    """

    def __init__(
        self,
        ray: Any,
        package: driver_package.DriverPackage,
        files: NeededFiles,
        admitted: Iterable[str],
    ) -> None:
        self._ray, self._package, self._files = ray, package, files
        self._admitted, self._refused = set(admitted), set[str]()
        self._asked: dict[Any, Mapping[str, Any]] = {}

    def look(self, nodes: Sequence[Mapping[str, Any]]) -> list[str]:
        """Ask those that are new, and hear those that were asked.

        Args:
            nodes: those of `ray.nodes()` that are alive.
        Returns:
            A sentence for each one that gets no runs.
        """
        asked = {node["NodeID"] for node in self._asked.values()}
        for node in nodes:
            if node["NodeID"] not in self._admitted | self._refused | asked:
                call = (problems_here, (self._files,))
                self._asked[ask_node(self._ray, self._package, node["NodeID"], call)] = node
        found = []
        if self._asked:
            ready, _ = self._ray.wait(list(self._asked), num_returns=len(self._asked), timeout=0)
            found = [self._hear(reference) for reference in ready]
        return [sentence for sentence in found if sentence]

    def admits(self, node: str) -> bool:
        """Whether runs may go to the node of an id."""
        return node in self._admitted

    def selector(self) -> dict[str, str]:
        """Ray's label selector of the nodes that runs may go to."""
        return {_LABEL: f"in({','.join(sorted(self._admitted))})"}

    def _hear(self, reference: Any) -> str | None:
        node = self._asked.pop(reference)
        try:
            problems = answer_to(self._ray, self._package, reference)
        except InputError as error:
            problems = [str(error)]
        (self._refused if problems else self._admitted).add(node["NodeID"])
        return f"{node_name(node)}: {'; '.join(problems)}" if problems else None
