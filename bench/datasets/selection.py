"""Which images and annotations of a file a run uses: its classes, and at most so many images."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from noisyseg.bench.datasets.split import Split
from noisyseg.errors import InputError


def select(
    document: dict[str, Any], classes: Sequence[str], *, split: Split, policy: str
) -> dict[str, Any]:
    """A copy of document with the given classes alone, as its categories, in their order.

    Raises:
        InputError: a class that document lacks, or nothing left.
    """
    by_name = {entry["name"]: entry for entry in document["categories"]}
    for name in classes:
        if name not in by_name:
            near = get_close_matches(name, by_name, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise InputError(
                f"{split.annotations} has no category {name!r}.{hint} It has "
                f"{len(by_name)}: {', '.join(list(by_name)[:12])}{', …' * (len(by_name) > 12)}."
            )
    categories = [by_name[name] for name in classes]
    chosen = {entry["id"] for entry in categories}
    others = {
        annotation["image_id"]
        for annotation in document["annotations"]
        if annotation["category_id"] not in chosen
    }
    images = [image for image in document["images"] if policy == "any" or image["id"] not in others]
    if split.limit is not None:
        images = spread(images, split.limit)
    kept = {image["id"] for image in images}
    annotations = [
        annotation
        for annotation in document["annotations"]
        if annotation["category_id"] in chosen and annotation["image_id"] in kept
    ]
    if not annotations:
        raise InputError(
            f"{split.annotations}: no annotation of the run's {len(classes)} classes is left in "
            f"{len(images)} images (images: {policy}, limit: {split.limit})."
        )
    return {**document, "images": images, "annotations": annotations, "categories": categories}


def spread(entries: Sequence[Any], limit: int) -> list[Any]:
    """At most limit of entries, evenly spaced: a sorted file begins with a few classes alone."""
    count = min(limit, len(entries))
    return [entries[position * len(entries) // count] for position in range(count)]
