"""Class noise of the paper and of its authors' scripts.

Source: Yang et al., ECCV 2020, section 5.1, "Noise settings". Convention `lncis-code` is what the
authors' published scripts do, bug for bug: see each type.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from noisyseg.errors import InputError
from noisyseg.noise.categories import Categories
from noisyseg.noise.draws import StepDraws
from noisyseg.noise.families.class_noise import ClassLaw, ClassNoise
from noisyseg.noise.families.family import Parameters
from noisyseg.noise.transition import UniformTargets
from noisyseg.noise.types.class_map import COCO_GROUPS, load_map
from noisyseg.noise.types.exemption import EXEMPT, free_classes
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.parameters import Parameter, Place, flag, one_of, rate
from noisyseg.noise.types.scripts_groups import scripts_coco_targets

SOURCE = "Yang et al., ECCV 2020, section 5.1"
PAPER, LNCIS_CODE = "paper", "lncis-code"

RATE = Parameter(parse=rate, summary="probability that an annotation of a source class flips")
CROWDS = Parameter(
    parse=flag, default=None, summary="whether crowd annotations flip, too; lncis-code: true"
)
CONVENTION = Parameter(
    parse=one_of(PAPER, LNCIS_CODE),
    default=PAPER,
    summary=f"{PAPER}: as the paper says; {LNCIS_CODE}: as its authors' scripts do",
)


def symmetric(parameters: Parameters, categories: Categories, _: StepDraws) -> ClassLaw:
    """A different class, uniformly: T_ii = 1 - rate, T_ij = rate / (K - 1), of K not exempt.

    `lncis-code`: uniformly any class but the last in the order of category ids, its own included,
    so that the real rate is rate · (K - 2) / (K - 1), but `rate` for the last class, which no
    annotation ever gets.

    Raises:
        InputError: fewer than two classes.
    """
    free = free_classes(parameters, categories)
    targets: list[list[int]] = [[] for _ in categories.names]
    by_id = sorted(free, key=lambda index: categories.ids[index])
    for own in free:
        if parameters["convention"] == LNCIS_CODE:
            targets[own] = by_id[:-1]
        else:
            targets[own] = [other for other in free if other != own]
    return ClassLaw(transition=UniformTargets(rate=parameters["rate"], targets=targets))


def asymmetric(parameters: Parameters, categories: Categories, _: StepDraws) -> ClassLaw:
    """The target of its class, where the map has one and neither of the two is exempt.

    `lncis-code` knows the map `coco`, too: by category id, uniformly any of a list, own included.

    Raises:
        InputError: a map with a class that the file lacks, ids other than COCO's with `coco`, or
            exempt classes that leave nothing of it.
    """
    free = set(free_classes(parameters, categories))
    targets = _mapped_targets(parameters["map"], categories)
    kept = [
        [target for target in row if target in free] if own in free else []
        for own, row in enumerate(targets)
    ]
    if parameters["exempt"] and not any(kept):
        raise InputError(
            f"every pair of the class map has one of the exempt classes "
            f"{', '.join(parameters['exempt'])}: asymmetric noise would change nothing."
        )
    return ClassLaw(transition=UniformTargets(rate=parameters["rate"], targets=kept))


def _mapped_targets(pairs: Mapping[str, str] | str, categories: Categories) -> list[list[int]]:
    if isinstance(pairs, str):  # COCO_GROUPS
        return scripts_coco_targets(categories)
    index_of = {name: index for index, name in enumerate(categories.names)}
    absent = sorted({name for pair in pairs.items() for name in pair} - index_of.keys())
    if absent:
        raise InputError(
            f"the class map of asymmetric noise names {', '.join(map(repr, absent))}, but the "
            f"annotations' categories are {', '.join(categories.names)}. Leave those pairs out."
        )
    targets: list[list[int]] = [[] for _ in categories.names]
    for source, target in pairs.items():
        targets[index_of[source]] = [index_of[target]]
    return targets


def finish(parameters: dict[str, Any], place: Place) -> dict[str, Any]:
    """Settle what a user left open and what depends on the convention.

    Raises:
        InputError: the scripts' COCO groups under the paper's convention.
    """
    scripts = parameters.get("convention") == LNCIS_CODE
    if parameters.get("map") == COCO_GROUPS and not scripts:
        raise InputError(
            f"{place.where}: the map {COCO_GROUPS!r} is the authors' scripts' (convention: "
            f"{LNCIS_CODE}); what the paper says of COCO is superclass-pairs noise."
        )
    settled = dict(parameters)
    if parameters["crowds"] is None:
        settled["crowds"] = scripts
    return settled


def _class_map(value: Any, place: Place) -> dict[str, str] | str:
    if value == COCO_GROUPS:
        return COCO_GROUPS
    pairs = load_map(value, place.classes, place.where, place.base)
    return dict(sorted(pairs.items()))


CLASS_TYPES = (
    NoiseType(
        name="symmetric",
        version=2,
        family=ClassNoise(law=symmetric),
        summary="a different class, uniformly",
        source=SOURCE,
        parameters={"rate": RATE, "convention": CONVENTION, "crowds": CROWDS, "exempt": EXEMPT},
        finish=finish,
    ),
    NoiseType(
        name="asymmetric",
        version=2,
        family=ClassNoise(law=asymmetric),
        summary="each source class into its target",
        source=SOURCE,
        parameters={
            "rate": RATE,
            "map": Parameter(
                parse=_class_map,
                summary="{source: target}, a shipped map's name, or a YAML file",
            ),
            "convention": CONVENTION,
            "crowds": CROWDS,
            "exempt": EXEMPT,
        },
        finish=finish,
        trial=lambda table: {"map": dict(pairwise(table.categories.names))},
    ),
)
