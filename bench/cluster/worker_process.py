"""A process of this machine that does jobs one after another, as it is told by a pipe."""

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from noisyseg.bench.cluster.worker_tasks import load_in_worker
from noisyseg.bench.runs.fault_kinds import fault_of

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux's prctl


def work(orders: Connection, parent: int, devices: str, warm: bool) -> None:
    """Do what is ordered, until the pipe is closed.

    Args:
        orders: pickled (function, arguments) come in; (True, answer) or (False, (fault, name of
            the exception, message)) go out.
        parent: its process: this one ends when that does, however it ends.
        devices: CUDA_VISIBLE_DEVICES.
        warm: whether to import what a run needs before anything is ordered.
    """
    _end_with(parent)
    for number in (signal.SIGINT, signal.SIGHUP):  # what a terminal sends the parent passes on
        signal.signal(number, signal.SIG_IGN)
    os.environ["CUDA_VISIBLE_DEVICES"] = devices
    if warm:
        with contextlib.suppress(Exception):  # the run itself will say what is wrong
            load_in_worker()
    with contextlib.suppress(EOFError, OSError):
        while True:
            order = orders.recv_bytes()
            orders.send(_done(order))


def _done(order: bytes) -> tuple[bool, Any]:
    try:
        function, arguments = pickle.loads(order)  # of the parent alone
        return True, function(*arguments)
    except Exception as error:  # noqa: BLE001 (whatever lies outside the training)
        return False, (fault_of(error), type(error).__name__, str(error) or repr(error))


def _end_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before
            os._exit(1)
    else:
        threading.Thread(target=end_after_parent, daemon=True).start()


def end_after_parent() -> None:
    """End this process once its parent has ended, where the system itself does not."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
