"""The contract of a method, tried on small batches: what holds for every loss to train with.

A method may be anyone's code: what it raises is a check that failed, with the line that raised.
"""

import sys
from collections.abc import Callable

from noisyseg.contract import Check, tried
from noisyseg.methods.contract.checks import CHECKS
from noisyseg.methods.method import ResolvedMethod


def check_contract(method: ResolvedMethod) -> list[Check]:
    """Try everything that a method must do, each check with fresh instances.

    Args:
        method: with the parameters that it is to be tried with.

    Returns:
        The checks, in a fixed order; the first alone if it fails, for it is that there is a loss,
        and the others would have nothing to look at.
    """
    (name, check), *others = CHECKS.items()
    first = _tried(name, check, method)
    if not first.passed:
        return [first]
    return [first, *(_tried(name, check, method) for name, check in others)]


def _tried(
    name: str, check: Callable[[ResolvedMethod], str | None], method: ResolvedMethod
) -> Check:
    return tried(name, lambda: check(method), _file(method))


def _file(method: ResolvedMethod) -> str | None:
    module = sys.modules.get(method.method.load().__module__)
    return getattr(module, "__file__", None)
