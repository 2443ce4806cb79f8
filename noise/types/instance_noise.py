"""Class noise that depends on what an instance looks like: PDN (Xia et al., NeurIPS 2020).

An annotation has a flip rate of its own, q ~ N(rate, 0.1²) cut off outside [0, 1], and turns into
class j ≠ y with probability q · s_j / Σ_{k ≠ y} s_k, where s are a model's class scores for it; in
the paper's generator, s are exponentials of a random projection of the image.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from noisyseg.errors import InputError
from noisyseg.noise.categories import Categories
from noisyseg.noise.draws import Purpose, StepDraws
from noisyseg.noise.families.class_noise import ClassLaw, ClassNoise
from noisyseg.noise.families.family import Parameters
from noisyseg.noise.scene import Scene
from noisyseg.noise.transition import Floats, Indices, Mask, Words
from noisyseg.noise.types.class_noise import CROWDS, RATE, finish
from noisyseg.noise.types.exemption import EXEMPT, free_classes
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.parameters import Parameter
from noisyseg.noise.types.scores import Scores, parse_scores, some_scores

SPREAD = 0.1
_DIGITS = 9  # own rates are rounded to so many: a last bit of libm practically never decides
_BLOCK = 1 << 15  # annotations at a time: of COCO's, all scores at once would be 550 MB


@dataclass(frozen=True, kw_only=True)
class ByScores:
    """A transition with a row of its own for each annotation.

    Attributes:
        rate: mean of the annotations' own rates, before they are cut off.
        scores: of every annotation.
        order: the place of each of the file's K classes among the scores'.
        exempt: indices of classes that neither flip nor are flipped to.
    """

    rate: float
    scores: Scores
    order: tuple[int, ...]
    exempt: tuple[int, ...] = ()

    @property
    def sources(self) -> Mask:
        """All classes that are not exempt, shape (K,)."""
        free = np.ones(len(self.order), dtype=np.bool_)
        free[list(self.exempt)] = False
        return free

    def matrix(self) -> None:
        """See `Transition`: none, for the annotations of a class differ."""
        return None

    def expected_flips(self, ids: Words, classes: Indices) -> float:
        """See `Transition`. An annotation that scores for no other class never flips."""
        able = sum(
            int((self._others(ids[block], classes[block]) > 0).any(axis=1).sum())
            for block in _blocks(len(ids))
        )
        return able * mean_own_rate(self.rate)

    def redraw(self, ids: Words, classes: Indices, draws: StepDraws) -> Indices:
        """See `Transition`."""
        own = own_rates(self.rate, draws.uniform(Purpose.STRENGTH, ids))
        flips = np.flatnonzero(draws.uniform(Purpose.FLIP, ids) < own)
        aims = draws.uniform(Purpose.TARGET, ids[flips])
        after = classes.copy()
        for block in _blocks(len(flips)):
            chosen = flips[block]
            after[chosen] = self._targets(ids[chosen], classes[chosen], aims[block])
        return after

    def _targets(self, ids: Words, classes: Indices, aims: Floats) -> Indices:
        cumulated = np.cumsum(self._others(ids, classes), axis=1)
        total = cumulated[:, -1]
        found = (cumulated <= (aims * total)[:, None]).sum(axis=1)
        # An aim that rounding lifted to the sum itself belongs to the last class of any score.
        last = (cumulated < total[:, None]).sum(axis=1)
        return np.where(total > 0, np.minimum(found, last), classes)

    def _others(self, ids: Words, classes: Indices) -> Floats:
        weights = self.scores.probabilities[self.scores.places(ids)].astype(np.float64)[
            :, list(self.order)
        ]
        weights[np.arange(len(ids)), classes] = 0.0
        weights[:, list(self.exempt)] = 0.0
        return weights


def own_rates(rate: float, draws: Floats) -> Floats:
    """Quantiles of N(rate, 0.1²) restricted to [0, 1] at the draws, shape (N,) to (N,).

    A rate of 0 is none for all: the law's own mean there, 0.08, is not what a user asks for.
    """
    if rate == 0:
        return np.zeros_like(draws)
    normal = NormalDist(rate, SPREAD)
    low, high = normal.cdf(0.0), normal.cdf(1.0)
    quantiles = low + draws * (high - low)
    least, most = 1e-300, 1 - 2**-53  # the quantile function knows neither 0 nor 1
    found = [normal.inv_cdf(min(max(p, least), most)) for p in quantiles.tolist()]
    return np.clip(np.round(np.array(found, dtype=np.float64), _DIGITS), 0.0, 1.0)


def mean_own_rate(rate: float) -> float:
    """Mean of the law of `own_rates`, to nine digits: a bit more than a rate near 0.

    rate + 0.1·(φ(a) - φ(b)) / (Φ(b) - Φ(a)) for the cuts a = -rate / 0.1 and b = (1 - rate) / 0.1.
    """
    if rate == 0:
        return 0.0
    low, high = -rate / SPREAD, (1 - rate) / SPREAD
    density = (math.exp(-low * low / 2) - math.exp(-high * high / 2)) / math.sqrt(2 * math.pi)
    mass = NormalDist().cdf(high) - NormalDist().cdf(low)
    return round(rate + SPREAD * density / mass, _DIGITS)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, count, _BLOCK))


def instance_dependent(parameters: Parameters, categories: Categories, _: StepDraws) -> ClassLaw:
    """See the module.

    Raises:
        InputError: scores of other classes than the file's.
    """
    scores = parameters["scores"].content
    if sorted(scores.classes) != sorted(categories.names):
        raise InputError(
            f"the scores are of the classes {', '.join(scores.classes)}; the annotations' "
            f"categories are {', '.join(categories.names)}."
        )
    order = tuple(scores.classes.index(name) for name in categories.names)
    free = free_classes(parameters, categories)
    exempt = tuple(index for index in range(len(order)) if index not in free)
    return ClassLaw(
        transition=ByScores(rate=parameters["rate"], scores=scores, order=order, exempt=exempt)
    )


def _check_scores(parameters: Parameters, scene: Scene) -> None:
    parameters["scores"].content.places(scene.table.ids[scene.eligible])


INSTANCE_TYPES = (
    NoiseType(
        name="instance-dependent",
        version=1,
        family=ClassNoise(law=instance_dependent, check_each=_check_scores),
        summary="classes that a model confuses for this very instance",
        source="Xia et al., NeurIPS 2020",
        differs="The flip rates are the paper's; it draws classes by the softmax of a random "
        "projection of the image, here they are drawn by a model's scores.",
        parameters={
            "rate": RATE,
            "scores": Parameter(
                parse=parse_scores,
                summary="NPZ of a model's class scores by annotation id",
                from_file=True,
            ),
            "crowds": CROWDS,
            "exempt": EXEMPT,
        },
        finish=finish,
        trial=some_scores,
    ),
)
