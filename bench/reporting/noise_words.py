"""What a noise is, in words, as a matrix and as a spec to make it by, from its resolved steps."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError
from noisyseg.noise.categories import Categories
from noisyseg.noise.draws import StepDraws
from noisyseg.noise.families.class_noise import ClassNoise
from noisyseg.noise.resolved_spec import spec_from_resolved
from noisyseg.noise.spec import NoiseStep
from noisyseg.noise.types.registry import noise_type
from noisyseg.results.leaderboard.site.setting_page import Described

_OWN = ("type", "version", "file_sha256")
_LONGEST = 200  # of a parameter's value in a sentence


def described(noise: Mapping[str, Any], classes: Sequence[str]) -> Described:
    """A noise as pages tell of it.

    Args:
        noise: its steps as a run's spec has them, without a seed.
        classes: their names.
    """
    steps = list(noise.get("steps", ()))
    return Described(
        steps=[_sentence(step) for step in steps],
        matrix=_matrix(steps, classes),
        spec="\n".join(f"- {_flow(_parameters(step, first=('type',)))}" for step in steps),
    )


def _parameters(step: Mapping[str, Any], first: Sequence[str] = ()) -> dict[str, Any]:
    own = {key: step[key] for key in first if key in step}
    return own | {key: value for key, value in step.items() if key not in _OWN}


def _flow(value: Any) -> str:
    """A value in one line that is both JSON and YAML."""
    return json.dumps(value, ensure_ascii=False)


def _sentence(step: Mapping[str, Any]) -> str:
    kind = str(step.get("type"))
    try:
        about = noise_type(kind)
        told = f"{kind}: {about.summary} ({about.source})"
    except InputError:
        told = f"{kind}: a type of the submitter's own"
    values = [f"{key} {_short(value)}" for key, value in _parameters(step).items()]
    return f"{told}; {', '.join(values)}" if values else told


def _short(value: Any) -> str:
    if isinstance(value, Mapping) and all(isinstance(own, str) for own in value.values()):
        text = ", ".join(f"{source} → {target}" for source, target in value.items())
    else:
        text = _flow(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _matrix(
    steps: Sequence[Mapping[str, Any]], classes: Sequence[str]
) -> dict[str, list[float]] | None:
    """The law of all steps of class noise together; None where the spec alone does not tell it."""
    if not steps or len(classes) < 2:
        return None
    categories = Categories(
        ids=tuple(range(1, len(classes) + 1)),
        names=tuple(classes),
        supercategories=(None,) * len(classes),
    )
    product = np.eye(len(classes))
    try:
        spec = spec_from_resolved({"seed": 0, "steps": list(steps)}, "noise")
        for step in spec.steps:
            law = _law(step, categories)
            if law is None:
                return None
            # Not @: how BLAS adds, and so the last bits, is the machine's own.
            product = (product[:, :, None] * law[None, :, :]).sum(axis=1)
    except InputError:
        return None
    return dict(zip(classes, product.tolist(), strict=True))


def _law(step: NoiseStep, categories: Categories) -> NDArray[np.float64] | None:
    family = noise_type(step.type).family
    if not isinstance(family, ClassNoise) or step.parameters.get("convention") == "lncis-code":
        return None  # the authors' scripts go by category ids, which an entry does not hold
    law = family.law(step.parameters, categories, StepDraws(seed=0, kind=step.type))
    return None if law.detail else law.transition.matrix()  # some laws are drawn from the seed
