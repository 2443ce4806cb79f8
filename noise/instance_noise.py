"""Class noise that depends on what an instance looks like: PDN (Xia et al., NeurIPS 2020).

An annotation has a flip rate of its own, q ~ N(rate, 0.1²) cut off outside [0, 1], and turns into
class j ≠ y with probability q · s_j / Σ_{k ≠ y} s_k, where s are a model's class scores for it.
"""

import io
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes
from noisyseg.noise.categories import Categories
from noisyseg.noise.class_noise import CROWDS, RATE, finish
from noisyseg.noise.draws import Purpose, StepDraws
from noisyseg.noise.noise_type import ClassLaw, NoiseType, Parameters
from noisyseg.noise.parameters import Loaded, Parameter, Place
from noisyseg.noise.transition import Floats, Indices, Mask, Words

SPREAD = 0.1
_STEPS = 10**9  # own rates are rounded to this: no libm's last bit decides a flip


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """A model's scores: annotation ids (N,), rising; probabilities (N, K); K class names."""

    ids: Words
    probabilities: Floats
    classes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ByScores:
    """A transition with a row for each annotation; no K × K matrix is known before the draws."""

    rate: float
    scores: Scores
    order: tuple[int, ...]

    @property
    def sources(self) -> Mask:
        return np.ones(len(self.order), dtype=np.bool_)

    def matrix(self) -> Floats:
        """The mean over the scored annotations of no class: unknown, NaN, shape (K, K)."""
        return np.full((len(self.order), len(self.order)), np.nan)

    def redraw(self, ids: Words, classes: Indices, draws: StepDraws) -> Indices:
        places = np.searchsorted(self.scores.ids, ids)
        known = places < len(self.scores.ids)
        known[known] = self.scores.ids[places[known]] == ids[known]
        if not known.all():
            lacking = ids[~known]
            raise InputError(
                f"the scores lack {len(lacking)} of {len(ids)} annotations, e.g. id {lacking[0]}."
            )
        weights = self.scores.probabilities[places][:, list(self.order)]
        weights[np.arange(len(ids)), classes] = 0.0
        leaving = np.cumsum(weights, axis=1)
        total = leaving[:, -1]
        own = own_rates(self.rate, draws.uniform(Purpose.STRENGTH, ids))
        flips = (draws.uniform(Purpose.FLIP, ids) < own) & (total > 0)
        aims = draws.uniform(Purpose.TARGET, ids) * total
        target = (leaving <= aims[:, None]).sum(axis=1)
        last = (leaving < total[:, None]).sum(axis=1)
        return np.where(flips, np.minimum(target, last), classes)


def own_rates(rate: float, draws: Floats) -> Floats:
    """Quantiles of N(rate, 0.1²) restricted to [0, 1] at the draws, shape (N,) to (N,)."""
    normal = NormalDist(rate, SPREAD)
    low, high = normal.cdf(0.0), normal.cdf(1.0)
    quantiles = low + draws * (high - low)
    tiny = 1e-300
    found = [normal.inv_cdf(min(max(p, tiny), 1 - 2**-53)) for p in quantiles.tolist()]
    return np.clip(np.round(np.array(found, dtype=np.float64) * _STEPS) / _STEPS, 0.0, 1.0)


def instance_dependent(parameters: Parameters, categories: Categories, _: StepDraws) -> ClassLaw:
    """See the module.

    Raises:
        InputError: scores of other classes than the file's, or none for an annotation.
    """
    scores = parameters["scores"].content
    if sorted(scores.classes) != sorted(categories.names):
        raise InputError(
            f"the scores are of the classes {', '.join(scores.classes)}; the annotations' "
            f"categories are {', '.join(categories.names)}."
        )
    order = tuple(scores.classes.index(name) for name in categories.names)
    return ClassLaw(transition=ByScores(rate=parameters["rate"], scores=scores, order=order))


def parse_scores(value: Any, place: Place) -> Loaded:
    """An NPZ file: `ids` (N,) integers, `scores` (N, K) of at least 0, `classes` (K,) names.

    Scores are a model's class probabilities for each annotation (softmax, without background); a
    row need not sum to 1.

    Raises:
        InputError: unreadable, or of other shapes.
    """
    if not isinstance(value, str):
        raise InputError(f"{place.where}: scores must be the path of an NPZ file, got {value!r}.")
    path = place.base / value
    where = f"{place.where}, scores {path}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{where}: cannot read it: {error.strerror}.") from error
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            ids, scores, classes = (file[name] for name in ("ids", "scores", "classes"))
    except (ValueError, KeyError, OSError, EOFError) as error:
        raise InputError(
            f"{where}: wanted an NPZ file with ids, scores and classes: {error}"
        ) from error
    return Loaded(
        resolved={"sha256": sha256_bytes(data)}, content=_checked(ids, scores, classes, where)
    )


def _checked(ids: Any, scores: Any, classes: Any, where: str) -> Scores:
    fits = ids.ndim == 1 and ids.dtype.kind in "iu" and scores.shape == (len(ids), classes.size)
    if not fits or classes.dtype.kind != "U" or scores.dtype.kind not in "fiu":
        raise InputError(
            f"{where}: wanted ids (N,) of integers, scores (N, K) of numbers and classes (K,) of "
            f"texts, got shapes {ids.shape}, {scores.shape} and {classes.shape}."
        )
    values = scores.astype(np.float64)
    if not np.isfinite(values).all() or (values < 0).any():
        raise InputError(f"{where}: scores must be finite and at least 0.")
    words = ids.astype(np.uint64)
    order = np.argsort(words, kind="stable")
    words = words[order]
    if (words[1:] == words[:-1]).any():
        raise InputError(f"{where}: an annotation id is there twice.")
    return Scores(ids=words, probabilities=values[order], classes=tuple(classes.tolist()))


INSTANCE_TYPES = (
    NoiseType(
        name="instance-dependent",
        version=1,
        family="class",
        summary="classes that a model confuses for this very instance",
        source="Xia et al., NeurIPS 2020",
        parameters={
            "rate": RATE,
            "scores": Parameter(
                parse=parse_scores, summary="NPZ of a model's class scores by annotation id"
            ),
            "crowds": CROWDS,
        },
        finish=finish,
        law=instance_dependent,
    ),
)
