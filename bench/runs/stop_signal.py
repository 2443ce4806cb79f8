"""A wish to stop, as a signal brings it to a process that trains.

A batch system sends SIGTERM some time before it takes a machine back, and a driver that is to stop
interrupts its runs: a training then leaves a checkpoint and goes.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from noisyseg.results.records.faults import Fault

_KINDS: dict[int, Fault] = {signal.SIGTERM: "preempted", signal.SIGINT: "interrupted"}
_asked: list[Fault] = []


def asked_to_stop() -> Fault | None:
    """Which signal has come since `stop_signals` began, as a kind of fault; None if none has."""
    return _asked[0] if _asked else None


def is_stop_asked() -> bool:
    """Whether a training is to leave a checkpoint and go."""
    return bool(_asked)


@contextmanager
def stop_signals() -> Iterator[None]:
    """Take SIGTERM and SIGINT as a wish that `asked_to_stop` tells, while a run goes on.

    Signals reach a process's main thread alone; elsewhere nothing changes.
    """
    _asked.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}
    try:
        for number in _KINDS:
            before[number] = signal.signal(number, _ask)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _ask(number: int, _: FrameType | None) -> None:
    _asked.append(_KINDS[number])
