"""The end of a run that makes no step for too long: a hung file system, a lost peer, a dead GPU.

Python's own faulthandler watches from a thread that needs no lock of the interpreter: it writes
where every thread stands to `run.log` and ends the process.
"""

import faulthandler
import time
from typing import TextIO

STEP_LIMIT_S = 900.0
_ARM_EVERY_S = 1.0


class Watchdog:
    """Ends this process where `step` is not called for so long.

    Args:
        limit: in seconds; None never ends it.
        output: a file with a descriptor, which is told where the process hung.
    """

    def __init__(self, limit: float | None, output: TextIO) -> None:
        self._limit, self._output = limit, output
        self._armed = -_ARM_EVERY_S

    def step(self) -> None:
        """Something was done; cheap: the watch begins anew once a second at most."""
        now = time.monotonic()
        if self._limit is None or now - self._armed < _ARM_EVERY_S:
            return
        self._armed = now
        # A second more than the limit, for the steps that did not begin it anew.
        limit = self._limit + _ARM_EVERY_S
        faulthandler.dump_traceback_later(limit, exit=True, file=self._output)

    def stop(self) -> None:
        """Nothing is watched any more."""
        if self._limit is not None:
            faulthandler.cancel_dump_traceback_later()
