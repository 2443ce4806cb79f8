"""What of one annotation file is what of another: its categories and annotations."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from noisyseg.annotation_files.document import CocoDocument
from noisyseg.errors import InputError
from noisyseg.mask_overlap import overlaps, shapes
from noisyseg.noise.matching.images import sides
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Indices

_ELSEWHERE, _THERE = 0.5, 0.9  # IoU below and from which on two boxes are not, or are, one place
_SAME = 0.999  # no noise moves an object to where exactly another one was
# Shares of the pairs that even `box-jitter` at its greatest (20 and 0 % on COCO) stays far below.
_MOST_APART, _MOST_CROSSED = 0.5, 0.1


_INSTEAD = "match by IoU instead (--match iou)."


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
            f"the two files have different categories: {sides(gone, new)}. Rename them, or leave "
            "them out of both."
        )
    return np.array([index_of[name] for name in names], dtype=np.int64)


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
        InputError: ids that mean nothing: an annotation of another image has it, or most are not
            in the same place, or other annotations are there (see `_check_places`).
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
                f"after, so the ids do not tell which annotation is which: {_INSTEAD}"
            )
    _check_places(pairs, before, after)
    return pairs


def _check_places(pairs: Pairs, before: CocoDocument, after: CocoDocument) -> None:
    """Refuse ids that were dealt out anew.

    They were if most annotations do not overlap the one of the same id, or if more than a tenth are
    where one of another id was.

    Raises:
        InputError: so they were.
    """
    rows = [i for i in pairs.before.tolist() if not before["annotations"][i].get("iscrowd", 0)]
    partner = dict(zip(pairs.before.tolist(), pairs.after.tolist(), strict=True))
    there: dict[int, list[int]] = defaultdict(list)
    for i in rows:
        there[before["annotations"][i]["image_id"]].append(i)
    apart = crossed = swapped = 0
    for lines in there.values():
        old = [before["annotations"][i]["bbox"] for i in lines]
        new = [after["annotations"][partner[i]]["bbox"] for i in lines]
        if old == new:
            continue
        iou = overlaps(old, new)
        own = iou.diagonal()
        apart += int((own == 0).sum())
        best = iou.max(axis=1)
        crossed += int(((own < _ELSEWHERE) & (best >= _THERE)).sum())
        swapped += int(((own == 0) & (best >= _SAME)).sum())
    if swapped or apart > _MOST_APART * len(rows) or crossed > _MOST_CROSSED * len(rows):
        raise InputError(
            f"of {len(rows)} annotations with the same id in both files, {apart} do not overlap at "
            f"all, and {crossed} lie where one of another id was, so the ids do not tell which "
            f"annotation is which: {_INSTEAD}"
        )


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
