"""Somebody's wish that a driver end: Ctrl-C, SIGTERM from a batch system, a terminal that goes."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from noisyseg.results.records.faults import Fault

GRACE_S = 60.0
"""In which trainings leave a checkpoint; a step of the largest takes seconds."""


class TerminatedError(KeyboardInterrupt):
    """SIGTERM came, or SIGHUP; no error of the program's, and no input's."""


class Stopping:
    """What signals have asked for."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self._since = 0.0
        self._told = False

    @property
    def wanted(self) -> bool:
        """Whether nothing more is to begin."""
        return self.fault is not None

    @property
    def is_over(self) -> bool:
        """Whether what is under way has had its time."""
        return self.wanted and time.monotonic() - self._since > GRACE_S

    @property
    def words(self) -> str:
        """What happens now, for who sits at the terminal."""
        return (
            f"{self.fault}: what is under way has {GRACE_S:g} s to leave a checkpoint (Ctrl-C once "
            "more: it is ended at once)"
        )

    def first(self) -> bool:
        """True once, after the wish came."""
        told, self._told = self._told, True
        return not told

    def raise_if_wanted(self) -> None:
        """End the command as the signal would have.

        Raises:
            KeyboardInterrupt, TerminatedError: it was asked for.
        """
        if self.fault == "interrupted":
            raise KeyboardInterrupt
        if self.fault is not None:
            raise TerminatedError

    @contextmanager
    def by_signals(self) -> Iterator[None]:
        """Take signals as wishes; a second Ctrl-C is none any more."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: dict[int, Any] = {}
        try:
            for wish in _wishes():
                before[wish] = signal.signal(wish, self._asked)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _asked(self, number: int, _: FrameType | None) -> None:
        if self.wanted and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not self.wanted:
            self._since = time.monotonic()
            self.fault = "interrupted" if number == signal.SIGINT else "terminated"


def _wishes() -> list[signal.Signals]:
    """Ctrl-C, SIGTERM, and the end of the terminal, unless it is not to matter (`nohup`)."""
    wishes = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        wishes.append(signal.SIGHUP)
    return wishes
