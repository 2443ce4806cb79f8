"""What differs between two annotation files of the same images, e.g. a file and its re-annotation.

N annotations before, M after, K categories. How images and objects are matched: `matching.images`
and `matching.objects`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

import numpy as np

from noisyseg.annotation_files.document import CocoDocument
from noisyseg.errors import InputError, unknown_name
from noisyseg.mask_overlap import overlap
from noisyseg.noise.difference import (
    ClassChange,
    ClassDifference,
    Difference,
    GeometryChange,
    Match,
    Renumbered,
)
from noisyseg.noise.matching.images import MatchedImages, check_sizes, matched_images
from noisyseg.noise.matching.objects import Pairs, by_id, by_iou, matched_categories
from noisyseg.noise.proportion import binomial_interval
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Indices, Mask

_GEOMETRY = ("segmentation", "bbox", "area")


def diff(
    before: CocoDocument, after: CocoDocument, *, match: Match, min_iou: float = 0.5
) -> Difference:
    """What differs between two annotation files of the same images.

    Args:
        before, after: as `read_annotations` gives them.
        match: "id": annotations of the same id are the same object. "iou": the same object is where
            the masks overlap, one to one, best first (see `by_iou`); crowds are left out.
        min_iou: in (0, 1]; below it two masks are not the same object.

    Equal numbers are equal, however the files write them (20, 20.0).

    Crowds are counted in the rate and the matrix only if one of them changed its class, as scripts
    that know no crowds do.

    Raises:
        InputError: other images, or it cannot be told which is which; other categories; annotation
            ids that mean nothing; a damaged mask.
    """
    if match not in get_args(Match):
        raise unknown_name("way to match", match, get_args(Match))
    if not 0 < min_iou <= 1:
        raise InputError(f"the least IoU must be above 0 and at most 1, got {min_iou!r}.")
    places = matched_categories(before, after)
    images = matched_images(before, after)
    check_sizes(before, after, images.ids)
    old, new = AnnotationTable.of(before), AnnotationTable.of(after)
    if match == "id":
        pairs = by_id(before, after, old, new, images.ids)
    else:
        pairs = by_iou(before, after, (old.classes, places[new.classes]), images.ids, min_iou)
    return _difference(
        pairs, before, after, (old, new), places[new.classes], match=match, images=images
    )


def _difference(
    pairs: Pairs,
    before: CocoDocument,
    after: CocoDocument,
    tables: tuple[AnnotationTable, AnnotationTable],
    new_classes: Indices,
    *,
    match: Match,
    images: MatchedImages,
) -> Difference:
    old, new = tables
    was, now = old.classes[pairs.before], new_classes[pairs.after]
    crowds = old.crowds[pairs.before] | new.crowds[pairs.after]
    changed = was != now
    crowds_counted = bool((changed & crowds).any())
    counted = np.ones_like(crowds) if crowds_counted else ~crowds
    k = len(old.categories)
    pair_numbers = was[counted] * k + now[counted]
    counts = np.bincount(pair_numbers, minlength=k * k).reshape(k, k)
    alone = _alone(pairs, tables, match)
    num_changed, num_matched = int((changed & counted).sum()), int(counted.sum())
    return Difference(
        match=match,
        images=len(images.ids),
        images_by=images.by,
        renumbered_images=[
            Renumbered(before_id=was, after_id=now) for now, was in images.ids.items() if was != now
        ],
        before=len(old.classes),
        after=len(new.classes),
        matched=num_matched,
        crowds_counted=crowds_counted,
        rate=num_changed / num_matched if num_matched else None,
        interval=binomial_interval(num_changed, num_matched),
        classes=_per_class(counts, tables, new_classes, alone, crowds_counted),
        counts=counts.tolist(),
        matrix=[_shares(row) for row in counts.tolist()],
        class_changes=_class_changes(pairs, tables, new_classes, np.flatnonzero(changed)),
        geometry_changes=_geometry_changes(pairs, before, after),
        removed=old.numbers[alone[0]].tolist(),
        added=new.numbers[alone[1]].tolist(),
    )


def _alone(
    pairs: Pairs, tables: tuple[AnnotationTable, AnnotationTable], match: Match
) -> tuple[Mask, Mask]:
    """Which annotations of each file have no counterpart, though one was looked for."""
    found = []
    for table, matched in zip(tables, (pairs.before, pairs.after), strict=True):
        alone = np.ones_like(table.crowds) if match == "id" else ~table.crowds
        alone[matched] = False
        found.append(alone)
    return found[0], found[1]


def _per_class(
    counts: Indices,
    tables: tuple[AnnotationTable, AnnotationTable],
    new_classes: Indices,
    alone: tuple[Mask, Mask],
    crowds_counted: bool,
) -> list[ClassDifference]:
    k = len(counts)
    classes = (tables[0].classes, new_classes)
    counted = [np.ones_like(t.crowds) if crowds_counted else ~t.crowds for t in tables]
    totals = [np.bincount(c[mask], minlength=k) for c, mask in zip(classes, counted, strict=True)]
    lone = [
        np.bincount(c[mask & a], minlength=k)
        for c, mask, a in zip(classes, counted, alone, strict=True)
    ]
    matched = counts.sum(axis=1)
    changed = matched - counts.diagonal()
    columns = (*totals, matched, changed, *lone)
    rows = zip(tables[0].categories.names, *(c.tolist() for c in columns), strict=True)
    return [
        ClassDifference(
            name=name,
            before=num_before,
            after=num_after,
            matched=num_matched,
            changed=num_changed,
            rate=num_changed / num_matched if num_matched else None,
            interval=binomial_interval(num_changed, num_matched),
            removed=num_removed,
            added=num_added,
        )
        for name, num_before, num_after, num_matched, num_changed, num_removed, num_added in rows
    ]


def _shares(row: Sequence[int]) -> list[float] | None:
    total = sum(row)
    return [count / total for count in row] if total else None


def _class_changes(
    pairs: Pairs,
    tables: tuple[AnnotationTable, AnnotationTable],
    new_classes: Indices,
    chosen: Indices,
) -> list[ClassChange]:
    old, new = tables
    names = old.categories.names
    lines, columns = pairs.before[chosen], pairs.after[chosen]
    rows: Iterable[tuple[int, int, int, int]] = zip(
        old.numbers[lines].tolist(),
        new.numbers[columns].tolist(),
        old.classes[lines].tolist(),
        new_classes[columns].tolist(),
        strict=True,
    )
    return [
        ClassChange(before_id=i, after_id=j, before=names[was], after=names[now])
        for i, j, was, now in rows
    ]


def _geometry_changes(
    pairs: Pairs, before: CocoDocument, after: CocoDocument
) -> list[GeometryChange]:
    sizes = {image["id"]: (image["height"], image["width"]) for image in before["images"]}
    found = []
    for i, j in zip(pairs.before.tolist(), pairs.after.tolist(), strict=True):
        old, new = before["annotations"][i], after["annotations"][j]
        fields = _changed_fields(old, new)
        if fields:
            iou = overlap(old, new, *sizes[old["image_id"]])
            found.append(
                GeometryChange(before_id=old["id"], after_id=new["id"], fields=fields, iou=iou)
            )
    return found


def _changed_fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(key for key in _GEOMETRY if old.get(key) != new.get(key))
