"""Class noise within the super-categories of a file.

Sources: Yang et al., ECCV 2020, section 5.1, for the pairs; for `superclass-uniform` the script of
COCO-N (arXiv 2406.10891), which has it but does not call it: its benchmarks flip over all classes.
"""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from noisyseg.errors import InputError
from noisyseg.noise.categories import Categories
from noisyseg.noise.draws import Purpose, StepDraws
from noisyseg.noise.families.class_noise import ClassLaw, ClassNoise
from noisyseg.noise.families.family import Parameters
from noisyseg.noise.transition import UniformTargets
from noisyseg.noise.types.class_noise import CROWDS, RATE, SOURCE, finish
from noisyseg.noise.types.exemption import EXEMPT
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.parameters import Place

_EXEMPT_OF_PAIRS = "person"  # what the paper says of COCO


def superclass_pairs(parameters: Parameters, categories: Categories, draws: StepDraws) -> ClassLaw:
    """Two classes of each super-category, drawn from the seed, turn into each other.

    The paper's asymmetric noise on COCO: "within each super-class, two randomly selected
    sub-classes are swapped"; person is exempt. The two are those of the smallest PAIR draws, by
    category id, so the rate and the order of the categories do not matter. The manifest has them.

    Raises:
        InputError: a class without a super-category, or no two that share one.
    """
    targets: list[list[int]] = [[] for _ in categories.names]
    pairs = {}
    for superclass, members in _by_superclass(parameters, categories).items():
        if len(members) < 2:
            continue
        ids = [categories.ids[index] for index in members]
        drawn = draws.uniform(Purpose.PAIR, ids).tolist()
        ranked = sorted(zip(drawn, ids, members, strict=True))
        one, other = ranked[0][2], ranked[1][2]
        targets[one], targets[other] = [other], [one]
        pairs[superclass] = sorted((categories.names[one], categories.names[other]))
    _refuse_if_nothing_flips(targets, categories)
    return ClassLaw(
        transition=UniformTargets(rate=parameters["rate"], targets=targets),
        detail={"pairs": pairs},
    )


def superclass_uniform(parameters: Parameters, categories: Categories, _: StepDraws) -> ClassLaw:
    """Any other class of its super-category, uniformly; not the class noise of COCO-N's benchmarks.

    Those flip over all classes, the own one included; see `differs` of the type.

    Raises:
        InputError: a class without a super-category, or no two that share one.
    """
    targets: list[list[int]] = [[] for _ in categories.names]
    for members in _by_superclass(parameters, categories).values():
        for own in members:
            targets[own] = [other for other in members if other != own]
    _refuse_if_nothing_flips(targets, categories)
    return ClassLaw(transition=UniformTargets(rate=parameters["rate"], targets=targets))


def _by_superclass(parameters: Parameters, categories: Categories) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(categories.names):
        if name in parameters["exempt"]:
            continue
        superclass = categories.supercategories[index]
        if superclass is None:
            raise InputError(
                f"the category {name!r} has no supercategory, which superclass noise needs. Add "
                "supercategories to the annotation file, or use asymmetric noise with a map."
            )
        groups[superclass].append(index)
    return dict(groups)


def _refuse_if_nothing_flips(targets: list[list[int]], categories: Categories) -> None:
    if not any(targets):
        raise InputError(
            f"no two of the classes {', '.join(categories.names)} that may flip share a "
            "supercategory: superclass noise would change nothing. Use another type of noise."
        )


def _finish_pairs(parameters: dict[str, Any], place: Place) -> dict[str, Any]:
    """As `finish`; a person is exempt where a user names no class that is."""
    settled = finish(parameters, place)
    if settled["exempt"] is None:
        # So that where there is no such class, the default and an empty list are one noise.
        settled["exempt"] = [name for name in (_EXEMPT_OF_PAIRS,) if name in place.classes]
    return settled


SUPERCLASS_TYPES = (
    NoiseType(
        name="superclass-pairs",
        version=1,
        family=ClassNoise(law=superclass_pairs),
        summary="two drawn classes of each super-category into each other",
        source=SOURCE,
        parameters={
            "rate": RATE,
            "exempt": replace(
                EXEMPT,
                default=None,
                summary=f"{EXEMPT.summary}; {_EXEMPT_OF_PAIRS} by default",
                later=False,
            ),
            "crowds": CROWDS,
        },
        finish=_finish_pairs,
    ),
    NoiseType(
        name="superclass-uniform",
        version=1,
        family=ClassNoise(law=superclass_uniform),
        summary="another class of the same super-category, uniformly",
        source="COCO-N, arXiv 2406.10891",
        differs="COCO-N's easy, mid and hard flip to any of all K classes, the own one included, "
        "at 0.2, 0.3 and 0.4: symmetric noise at rate · (K - 1) / K with crowds: true has that "
        "law. Its script has a function for super-categories (own class included), but calls it "
        "nowhere. These presets are not COCO-N's noise.",
        parameters={
            "rate": RATE,
            "exempt": replace(EXEMPT, later=False),
            "crowds": CROWDS,
        },
        presets={"easy": {"rate": 0.2}, "mid": {"rate": 0.3}, "hard": {"rate": 0.4}},
        finish=finish,
    ),
)
