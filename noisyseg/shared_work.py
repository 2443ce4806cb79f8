"""Many small pieces of work, shared among this machine's cores where there are enough of them."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

ENOUGH = 10_000
"""Items for which it pays to start processes."""
_PART = 1000

_work: Callable[[Sequence[Any]], Any]


def in_parts(
    work: Callable[[Sequence[Item]], Result], items: Sequence[Item], *, enough: int = ENOUGH
) -> Iterator[Result]:
    """What work makes of neighbouring items, in their order.

    Args:
        work: of some of the items; it may be called in a process that was forked, so that what it
            changes there is lost. An exception ends everything, as it does in one process.
        items: all of them.
        enough: how many of them it takes to start processes.
    """
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
    parts = [items[at : at + _PART] for at in range(0, len(items), _PART)]
    if cores < 2 or len(items) < enough:
        yield from map(work, parts)
        return
    import multiprocessing  # little work starts none, and need not wait for it
    from concurrent.futures import ProcessPoolExecutor

    global _work
    _work = work  # handed on by the fork: it need not be picklable
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(min(cores, len(parts)), mp_context=context) as pool:
        yield from pool.map(_called, parts)


def _called(part: Sequence[Any]) -> Any:
    return _work(part)
