"""The contract of a type of noise, tried on a small document."""

import inspect
from collections.abc import Mapping
from typing import Any

from noisyseg.contract import Check, tried
from noisyseg.noise.contract.checks import CHECKS
from noisyseg.noise.contract.trial import trial_of
from noisyseg.noise.types.noise_type import NoiseType


def check_contract(kind: NoiseType, given: Mapping[str, Any] | None = None) -> list[Check]:
    """Try everything that a type of noise must do.

    Args:
        kind: a type that `registry.noise_type` knows.
        given: values of parameters, as a spec writes them; others are the type's own `trial`, its
            first preset's, or their defaults.

    Returns:
        The checks that are about its family, in a fixed order; the first alone if it fails, for it
        is that there is noise, and the others would have nothing to look at.

    Raises:
        InputError: a value that the type refuses, or a parameter that has none.
    """
    trial = trial_of(kind, given)
    found: list[Check] = []
    for name, (check, families) in CHECKS.items():
        if isinstance(kind.family, families):
            found.append(tried(name, lambda check=check: check(trial), _file(kind)))  # type: ignore[misc]
            if not found[0].passed:
                break
    return found


def _file(kind: NoiseType) -> str | None:
    """The file of what the type's family calls."""
    function = next((part for part in kind.family.parts if inspect.isfunction(part)), None)
    return None if function is None else function.__code__.co_filename
