"""A node of Ray that is about to be taken away: its runs are told, and leave a checkpoint.

A node that gets SIGTERM (a pod that Kubernetes deletes, a machine that is called back) drains for
RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S, 30 s by default, and kills its workers then. Nothing tells
them of it, so they ask.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LOOK_EVERY_S = 2.0


@contextmanager
def told_of_draining() -> Iterator[None]:
    """Send this process SIGTERM, once, where its node is being drained meanwhile.

    A process that no Ray has started is left alone.
    """
    ray: Any = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        yield
        return
    over = threading.Event()
    node = ray.get_runtime_context().get_node_id()
    threading.Thread(target=_watch, args=(ray, node, over), daemon=True).start()
    try:
        yield
    finally:
        over.set()


def draining_nodes(ray: Any) -> set[str]:
    """The ids of nodes that are being drained, to which Ray gives nothing more."""
    try:
        # As Ray Train asks; there is no public way.
        return set(ray._private.state.state.get_draining_nodes())
    except AttributeError:  # another Ray's
        return set()


def _watch(ray: Any, node: str, over: threading.Event) -> None:
    while not over.wait(_LOOK_EVERY_S):
        try:
            is_draining = node in draining_nodes(ray)
        except Exception:  # noqa: BLE001 (a Ray that is gone: what is lost is said elsewhere)
            return
        if is_draining and not over.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
            return
