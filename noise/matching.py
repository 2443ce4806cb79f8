"""What of one annotation file is what of another: its categories, images and annotations."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from noisyseg.annotation_files.document import CocoDocument
from noisyseg.errors import InputError
from noisyseg.mask_overlap import overlaps, shapes
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Indices

_NAMED = 5


class Pairs(NamedTuple):
    """Places in the two files' lists of annotations, shape (P,) each, rising in `before`."""

    before: Indices
    after: Indices


def matched_categories(before: CocoDocument, after: CocoDocument) -> Indices:
    """For each category after, in its file's order, its index before: matched by name.

    Raises:
        InputError: a category that one file lacks.
    """
    index_of = {entry["name"]: index for index, entry in enumerate(before["categories"])}
    names = [entry["name"] for entry in after["categories"]]
    gone = [name for name in index_of if name not in set(names)]
    new = [name for name in names if name not in index_of]
    if gone or new:
        raise InputError(
            f"the two files have different categories: {_sides(gone, new)}. Rename them, or leave "
            "them out of both."
        )
    return np.array([index_of[name] for name in names], dtype=np.int64)


def matched_images(before: CocoDocument, after: CocoDocument) -> tuple[dict[int, int], str]:
    """Image id after -> image id before, and what they were matched by: "id" or "file_name".

    By id, but by file name where the two files give the same file names other ids.

    Raises:
        InputError: an image that one file lacks.
    """
    old = {image["id"]: image["file_name"] for image in before["images"]}
    new = {image["id"]: image["file_name"] for image in after["images"]}
    if old == new:
        return {number: number for number in new}, "id"
    by_name = {name: number for number, name in old.items()}
    unique = len(by_name) == len(old) and len(set(new.values())) == len(new)
    if unique and by_name.keys() == set(new.values()):
        return {number: by_name[name] for number, name in new.items()}, "file_name"
    if old.keys() == new.keys():
        return {number: number for number in new}, "id"
    gone = [name for number, name in old.items() if number not in new]
    extra = [name for number, name in new.items() if number not in old]
    raise InputError(
        f"the two files are of different images: {_sides(gone, extra)}. Compare files of the same "
        "images."
    )


def check_sizes(before: CocoDocument, after: CocoDocument, images: Mapping[int, int]) -> None:
    """Refuse images that were scaled in between.

    Raises:
        InputError: an image has another size in the other file.
    """
    old = {image["id"]: (image["width"], image["height"]) for image in before["images"]}
    for image in after["images"]:
        was, now = old[images[image["id"]]], (image["width"], image["height"])
        if was != now:
            raise InputError(
                f"the image {image['file_name']!r} is {was[0]} × {was[1]} pixels before and "
                f"{now[0]} × {now[1]} after: compare annotations of images of one size."
            )


def by_id(
    before: CocoDocument,
    after: CocoDocument,
    old: AnnotationTable,
    new: AnnotationTable,
    images: Mapping[int, int],
) -> Pairs:
    """Annotations of equal ids.

    Args:
        before, after: the documents.
        old, new: their tables.
        images: image id after -> image id before.

    Raises:
        InputError: an id that belongs to two images: it means nothing then.
    """
    _, first, second = np.intersect1d(
        old.numbers, new.numbers, assume_unique=True, return_indices=True
    )
    order = np.argsort(first, kind="stable")
    pairs = Pairs(first[order].astype(np.int64), second[order].astype(np.int64))
    # Image ids can be of any size, so they stay Python's.
    was = [entry["image_id"] for entry in before["annotations"]]
    now = [images[entry["image_id"]] for entry in after["annotations"]]
    for i, j in zip(pairs.before.tolist(), pairs.after.tolist(), strict=True):
        if was[i] != now[j]:
            raise InputError(
                f"annotation {old.numbers[i]} is of image {was[i]} before and of image {now[j]} "
                "after, so the ids do not tell which annotation is which: match by IoU instead."
            )
    return pairs


def by_iou(
    before: CocoDocument,
    after: CocoDocument,
    classes: tuple[Indices, Indices],
    images: Mapping[int, int],
    min_iou: float,
) -> Pairs:
    """Annotations that overlap most, one to one, image by image; crowds are left out.

    Greedy, best first: of all pairs in an image, the one of the greatest IoU is matched and its two
    annotations are taken; so on down to `min_iou`. Of equal IoUs, equal classes go first, then the
    lower ids. Masks are compared, or boxes in an image where an annotation has no mask.

    Args:
        before, after: the documents.
        classes: of their annotations, in one order of classes, shapes (N,) and (M,).
        images: image id after -> image id before.
        min_iou: below it no pair is one.
    """
    sizes = {image["id"]: (image["height"], image["width"]) for image in before["images"]}
    there = _by_image(before, {number: number for number in sizes})
    here = _by_image(after, images)
    found: list[tuple[int, int]] = []
    for image, rows in there.items():
        columns = here.get(image, [])
        old = [before["annotations"][i] for i in rows]
        new = [after["annotations"][j] for j in columns]
        iou = overlaps(*shapes(old, new, *sizes[image]))
        other_class = classes[0][rows][:, None] != classes[1][columns][None, :]
        found += [(rows[i], columns[j]) for i, j in _best_first(iou, other_class, min_iou)]
    table = np.array(sorted(found), dtype=np.int64).reshape(-1, 2)
    return Pairs(table[:, 0], table[:, 1])


def _sides(gone: Sequence[str], new: Sequence[str]) -> str:
    sides = ((gone, "before"), (new, "after"))
    return "; ".join(f"only {side}: {_some(names)}" for names, side in sides if names)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(repr, names[:_NAMED])) + more


def _by_image(document: CocoDocument, images: Mapping[int, int]) -> dict[int, list[int]]:
    """Places of an image's annotations but for crowds, by rising annotation id."""
    entries: list[dict[str, Any]] = document["annotations"]
    found: dict[int, list[int]] = defaultdict(list)
    for place in sorted(range(len(entries)), key=lambda place: entries[place]["id"]):
        if not entries[place].get("iscrowd", 0):
            found[images[entries[place]["image_id"]]].append(place)
    return found


def _best_first(
    iou: NDArray[np.float64], other_class: NDArray[np.bool_], min_iou: float
) -> list[tuple[int, int]]:
    rows, columns = np.nonzero(iou >= min_iou)
    order = np.lexsort((columns, rows, other_class[rows, columns], -iou[rows, columns]))
    free_rows, free_columns = set(range(iou.shape[0])), set(range(iou.shape[1]))
    found = []
    for i, j in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if i in free_rows and j in free_columns:
            found.append((i, j))
            free_rows.remove(i)
            free_columns.remove(j)
    return found
