"""Class noise of the paper and of its authors' scripts.

Sources: Yang et al., ECCV 2020, section 5.1, "Noise settings"; for `superclass-uniform` the script
of COCO-N (arXiv 2406.10891), which has it but does not call it: its benchmarks flip over all
classes. Convention `lncis-code` is what the authors' published scripts do, bug for bug: see each
type.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from noisyseg.errors import InputError, unknown_name
from noisyseg.noise.categories import Categories
from noisyseg.noise.class_map import COCO_GROUPS, load_map
from noisyseg.noise.draws import Purpose, StepDraws
from noisyseg.noise.noise_type import ClassLaw, NoiseType, Parameters
from noisyseg.noise.parameters import Parameter, Place, flag, names, one_of, rate
from noisyseg.noise.transition import UniformTargets

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
    """A different class, uniformly: T_ii = 1 - rate, T_ij = rate / (K - 1).

    `lncis-code`: uniformly any class but the last in the order of category ids, its own included,
    so that the real rate is rate · (K - 2) / (K - 1), but `rate` for the last class, which no
    annotation ever gets.

    Raises:
        InputError: fewer than two classes.
    """
    k = len(categories)
    if k < 2:
        raise InputError(f"symmetric noise needs at least two classes to flip between, got {k}.")
    if parameters["convention"] == LNCIS_CODE:
        by_id = sorted(range(k), key=lambda index: categories.ids[index])
        targets = [by_id[:-1]] * k
    else:
        targets = [[other for other in range(k) if other != own] for own in range(k)]
    return ClassLaw(transition=UniformTargets(rate=parameters["rate"], targets=targets))


def asymmetric(parameters: Parameters, categories: Categories, _: StepDraws) -> ClassLaw:
    """The target of its class, where the map has one.

    `lncis-code` knows the map `coco`, too: by category id, uniformly any of a list, own included.

    Raises:
        InputError: a map with a class that the file lacks, or ids other than COCO's with `coco`.
    """
    if parameters["map"] == COCO_GROUPS:
        return ClassLaw(
            transition=UniformTargets(
                rate=parameters["rate"], targets=_scripts_coco_targets(categories)
            )
        )
    index_of = {name: index for index, name in enumerate(categories.names)}
    pairs: Mapping[str, str] = parameters["map"]
    absent = sorted({name for pair in pairs.items() for name in pair} - index_of.keys())
    if absent:
        raise InputError(
            f"the class map of asymmetric noise names {', '.join(map(repr, absent))}, but the "
            f"annotations' categories are {', '.join(categories.names)}. Leave those pairs out."
        )
    targets: list[list[int]] = [[] for _ in categories.names]
    for source, target in pairs.items():
        targets[index_of[source]] = [index_of[target]]
    return ClassLaw(transition=UniformTargets(rate=parameters["rate"], targets=targets))


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


# The scripts' groups of COCO's category ids: of those from the first to the second, each turns into
# one of the list, uniformly over all but its last entry. Ids 1 to 9 are one group, so that a person
# becomes a vehicle; skis, id 35, is no target, and 36 is twice as likely.
_SCRIPTS_COCO: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (1, 9, (2, 3, 4, 5, 6, 7, 8, 9)),
    (10, 15, (10, 11, 13, 14, 15)),
    (16, 25, (16, 17, 18, 19, 20, 21, 22, 23, 24, 25)),
    (27, 33, (27, 28, 31, 32, 33)),
    (34, 43, (34, 36, 36, 37, 38, 39, 40, 41, 42, 43)),
    (44, 51, (44, 46, 47, 48, 49, 50, 51)),
    (52, 61, (52, 53, 54, 55, 56, 57, 58, 59, 60, 61)),
    (62, 70, (62, 63, 64, 65, 67, 70)),
    (72, 77, (72, 73, 74, 75, 76, 77)),
    (78, 82, (78, 79, 80, 81, 82)),
    (84, 90, (84, 85, 86, 87, 88, 89, 90)),
)


def _scripts_coco_targets(categories: Categories) -> list[list[int]]:
    index_of = {number: index for index, number in enumerate(categories.ids)}
    targets: list[list[int]] = []
    for number in categories.ids:
        group = next((row for low, high, row in _SCRIPTS_COCO if low <= number <= high), None)
        absent = [] if group is None else [other for other in group[:-1] if other not in index_of]
        if group is None or absent:
            odd = f"has the id {number}" if group is None else f"lacks the id {absent[0]}"
            raise InputError(
                f"the scripts' groups are of COCO's own 80 category ids; this file {odd}. Use "
                "superclass-uniform noise for other classes."
            )
        targets.append([index_of[other] for other in group[:-1]])
    return targets


def finish(parameters: dict[str, Any], place: Place) -> dict[str, Any]:
    """Settle what a user left open and what depends on the convention or on the classes.

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
    if "exempt" in parameters and parameters["exempt"] is None:
        # So that where there is no such class, the default and an empty list are one noise.
        settled["exempt"] = [name for name in (_EXEMPT_OF_PAIRS,) if name in place.classes]
    return settled


def _exempt(default: list[str] | None) -> Parameter:
    return Parameter(
        parse=_known_names,
        default=default,
        summary="classes that neither flip nor are flipped to"
        + (f"; {_EXEMPT_OF_PAIRS} by default" if default is None else ""),
    )


def _known_names(value: Any, place: Place) -> list[str]:
    found = names(value, place)
    for name in found:
        if name not in place.classes:
            raise unknown_name("class", name, place.classes, place.where)
    return found


def _class_map(value: Any, place: Place) -> dict[str, str] | str:
    if value == COCO_GROUPS:
        return COCO_GROUPS
    pairs = load_map(value, place.classes, place.where, place.base)
    return dict(sorted(pairs.items()))


_PAPER = "Yang et al., ECCV 2020, section 5.1"
_EXEMPT_OF_PAIRS = "person"  # what the paper says of COCO

CLASS_TYPES = (
    NoiseType(
        name="symmetric",
        version=2,
        family="class",
        summary="a different class, uniformly",
        source=_PAPER,
        parameters={"rate": RATE, "convention": CONVENTION, "crowds": CROWDS},
        finish=finish,
        law=symmetric,
    ),
    NoiseType(
        name="asymmetric",
        version=2,
        family="class",
        summary="each source class into its target",
        source=_PAPER,
        parameters={
            "rate": RATE,
            "map": Parameter(
                parse=_class_map,
                summary="{source: target}, a shipped map's name, or a YAML file",
            ),
            "convention": CONVENTION,
            "crowds": CROWDS,
        },
        finish=finish,
        law=asymmetric,
    ),
    NoiseType(
        name="superclass-pairs",
        version=1,
        family="class",
        summary="two drawn classes of each super-category into each other",
        source=_PAPER,
        parameters={"rate": RATE, "exempt": _exempt(None), "crowds": CROWDS},
        finish=finish,
        law=superclass_pairs,
    ),
    NoiseType(
        name="superclass-uniform",
        version=1,
        family="class",
        summary="another class of the same super-category, uniformly",
        source="COCO-N, arXiv 2406.10891",
        differs="COCO-N's easy, mid and hard flip to any of all K classes, the own one included, "
        "at 0.2, 0.3 and 0.4: symmetric noise at rate · (K - 1) / K with crowds: true has that "
        "law. Its script has a function for super-categories (own class included), but calls it "
        "nowhere. These presets are not COCO-N's noise.",
        parameters={
            "rate": RATE,
            "exempt": _exempt([]),
            "crowds": CROWDS,
        },
        presets={"easy": {"rate": 0.2}, "mid": {"rate": 0.3}, "hard": {"rate": 0.4}},
        finish=finish,
        law=superclass_uniform,
    ),
)
