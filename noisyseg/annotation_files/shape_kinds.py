"""What may be wrong with an annotation's shape, in words, and how it is told."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from noisyseg.annotation_files.columns import Columns, Floats, Places
from noisyseg.annotation_files.findings import EXPORT, Finding, Level, annotation_name

MARGIN = 1.0
"""Pixels that rounding may put outside of an image."""
_ONE_BY_ONE = 100  # of a kind among some thousand annotations; the rest are counted

NO_MASK = "an annotation has no mask"
NO_AREA = "an annotation has no area, a number of pixels"
NEGATIVE_AREA = "an area is negative"
NO_RANGE = "an area is above the range that COCO's evaluation calls all"
MALFORMED = "a mask is neither polygons of at least 3 points nor RLE"
OTHER_SIZE = "a mask is not of its image's size"
NOT_FILLED = "a mask's run lengths do not fill its image"
TOO_LARGE = "an image is too large for masks"
FAR = "a polygon reaches far outside its image"
POLYGON_OUT = "a polygon reaches out of its image"
BOX_FAR = "a box reaches far outside its image"
BOX_OUT = "a box reaches out of its image"
BOX_FLAT = "a box has no area"
NO_PIXEL = "a mask has no pixel"
BOX_MISFIT = "a box does not fit its mask"
AREA_MISFIT = "an area is not its mask's"
SIZE_HINT = (
    "look whether the image's size in the file is right, and whether these are its pixels, not "
    "metres on a map; export the file again"
)


class Extents(NamedTuple):
    """What masks cover: places of their annotations (M,), left, top, right, bottom, area (M,)."""

    places: Places
    bounds: Floats
    areas: Floats

    @classmethod
    def none(cls) -> "Extents":
        """Of no mask."""
        return cls(np.zeros(0, dtype=np.int64), np.zeros((0, 4)), np.zeros(0))


def findings_of(
    columns: Columns,
    level: Level,
    kind: str,
    places: Iterable[int],
    detail: Callable[[int], str] = lambda _: "",
    mend: str = EXPORT,
) -> Iterator[Finding]:
    """A finding for each of the first places, with its detail, and one for all others."""
    found = list(places)
    for number, place in enumerate(found[: _ONE_BY_ONE + 1]):
        where = annotation_name(columns.annotations[place], columns.image(place))
        more = detail(place)
        yield Finding(
            level=level,
            kind=kind,
            where=f"{where}: {more}" if more else where,
            mend=mend,
            count=1 if number < _ONE_BY_ONE else len(found) - _ONE_BY_ONE,
        )
