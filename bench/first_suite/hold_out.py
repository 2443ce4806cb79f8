"""Which images of a file are held out of training, so that both parts show each class."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from noisyseg.annotation_files.document import parse_annotations
from noisyseg.annotation_files.file_layout import layout_of
from noisyseg.annotation_files.mapped_file import map_file
from noisyseg.errors import InputError

Images = Sequence[dict[str, Any]]
ClassesOfImages = Mapping[int, frozenset[int]]
"""Category ids of each image that has annotations, by its id."""

_NONE: frozenset[int] = frozenset()


def held_out(images: Images, share: float, classes: ClassesOfImages) -> tuple[Images, Images]:
    """The images that stay, and a share of them that is held out.

    Those are evenly spaced in the file's order, but for images that are taken so that a class of
    two images or more is in both parts: rare classes first, as far as the share goes.

    Raises:
        InputError: fewer than two images.
    """
    if len(images) < 2:
        raise InputError("of one image none can be held out: give a file to evaluate on (--eval).")
    count = min(max(1, round(share * len(images))), len(images) - 1)
    out = _chosen([classes.get(image["id"], _NONE) for image in images], count)
    return (
        [image for place, image in enumerate(images) if place not in out],
        [image for place, image in enumerate(images) if place in out],
    )


def classes_of_images(path: Path) -> ClassesOfImages:
    """The classes that each image of an annotation file shows.

    Raises:
        InputError: a file that cannot be used.
    """
    data = map_file(path)
    layout = layout_of(data)
    if layout is None:  # something unusual: parsed whole
        entries = parse_annotations(bytes(data), str(path))["annotations"]
        pairs = [(entry["image_id"], entry["category_id"]) for entry in entries]
    else:
        pairs = np.unique(layout.annotations[:, [1, 2]], axis=0).tolist()
    found: dict[int, set[int]] = {}
    for image, category in pairs:
        found.setdefault(image, set()).add(category)
    return {image: frozenset(shown) for image, shown in found.items()}


def _chosen(shown: Sequence[frozenset[int]], count: int) -> set[int]:
    """Places of the images to hold out, of the classes that each shows."""
    number = len(shown)
    even = [(2 * place + 1) * number // (2 * count) for place in range(count)]
    staying = Counter(one for classes in shown for one in classes)
    out: set[int] = set()
    for place in (*_one_of_each_class(shown, frozenset(even), out, staying), *even, *range(number)):
        if len(out) < count and place not in out and _can_go(shown[place], staying):
            out.add(place)
            staying.subtract(shown[place])
    # What is left shows a class that nothing else does: the share is what was asked for.
    rest = [place for place in (*even, *range(number)) if place not in out]
    return out | set(dict.fromkeys(rest[: count - len(out)]))


def _one_of_each_class(
    shown: Sequence[frozenset[int]], even: frozenset[int], out: set[int], staying: Counter[int]
) -> Iterator[int]:
    """An image of each class that none of those held out shows, given while they are chosen."""
    places: dict[int, list[int]] = {}
    for place, classes in enumerate(shown):
        for one in classes:
            places.setdefault(one, []).append(place)
    for having in sorted(places.values(), key=lambda places: (len(places), places)):
        if out.isdisjoint(having):
            able = [place for place in having if _can_go(shown[place], staying)]
            if able:
                # The evenly spaced first; of the others the one in the middle.
                yield next((place for place in able if place in even), able[len(able) // 2])


def _can_go(classes: frozenset[int], staying: Mapping[int, int]) -> bool:
    return all(staying[one] > 1 for one in classes)
