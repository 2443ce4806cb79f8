"""Classes that noise leaves alone: they neither give nor receive labels."""

from collections.abc import Mapping
from typing import Any

from noisyseg.errors import InputError, unknown_name
from noisyseg.noise.categories import Categories
from noisyseg.noise.types.parameters import Parameter, Place, names


def known_names(value: Any, place: Place) -> list[str]:
    """A list of different classes of the run, sorted."""
    found = names(value, place)
    for name in found:
        if name not in place.classes:
            raise unknown_name("class", name, place.classes, place.where)
    return found


EXEMPT = Parameter(
    parse=known_names,
    default=[],
    summary="classes that neither flip nor are flipped to",
    later=True,
)


def free_classes(
    parameters: Mapping[str, Any], categories: Categories, *, least: int = 2
) -> list[int]:
    """Indices of the classes that a step is about, in file order: all that are not exempt.

    Raises:
        InputError: an exempt class that the file lacks, or fewer than `least` others.
    """
    exempt = parameters["exempt"]
    absent = [name for name in exempt if name not in categories.names]
    if absent:
        raise InputError(
            f"the exempt classes are {', '.join(exempt)}, but the annotations' categories are "
            f"{', '.join(categories.names)}. Leave out {', '.join(absent)}."
        )
    free = [index for index, name in enumerate(categories.names) if name not in exempt]
    if len(free) < least:
        of_all = f" of {len(categories)}: {', '.join(exempt)} exempt" if exempt else ""
        raise InputError(
            f"noise needs at least {'two classes' if least == 2 else 'one class'} to turn labels "
            f"into, got {len(free)}{of_all}."
        )
    return free
