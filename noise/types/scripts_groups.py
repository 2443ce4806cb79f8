"""The groups of COCO's classes that the LNCIS authors' scripts turn into each other."""

from noisyseg.errors import InputError
from noisyseg.noise.categories import Categories

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


def scripts_coco_targets(categories: Categories) -> list[list[int]]:
    """The indices of the classes that each class may turn into, its own included.

    Raises:
        InputError: ids other than COCO's.
    """
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
