"""Which image of one annotation file is which of another: by name, else by size and objects.

Ids tell nothing: exports renumber images, and some rename them, too.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from noisyseg.annotation_files.document import CocoDocument
from noisyseg.annotation_files.identities import file_name
from noisyseg.errors import InputError
from noisyseg.mask_overlap import overlaps
from noisyseg.noise.matching.image_names import Naming, namings
from noisyseg.noise.matching.images_by_objects import (
    BoxedImage,
    ImageIds,
    boxed_images,
    matched_by_objects,
    share_a_box,
)

_NAMED = 5
_LOOKED_AT, _COMPARED = 30, 3000  # images, of which the objects are compared with those of others
_HALF, _MOSTLY = 0.5, 0.8  # IoU of two boxes, share of an image's boxes
_RENAME = (
    "Give the images of one file the file names that the other has, or compare files of the same "
    "images."
)


class MatchedImages(NamedTuple):
    """Which image is which, and in words what tells."""

    ids: ImageIds
    by: str


def matched_images(before: CocoDocument, after: CocoDocument) -> MatchedImages:
    """Which image of the file after is which of the file before; all of both are matched.

    By the strictest of `namings` that gives the two files the same names, each once; where none
    does, by size and objects (see `matched_by_objects`).

    Raises:
        InputError: an image that one file lacks, or it cannot be told which is which.
    """
    old = {image["id"]: file_name(image) for image in before["images"]}
    new = {image["id"]: file_name(image) for image in after["images"]}
    if old == new:
        return MatchedImages({number: number for number in new}, "id and file name")
    nearest, shared = None, 0
    for naming in namings(list(old.values()), list(new.values())):
        common = _common(naming)
        if common is not None and common == len(old) == len(new):
            number_of = dict(zip(naming.before, old, strict=True))
            found = {n: number_of[key] for n, key in zip(new, naming.after, strict=True)}
            _check_by_objects(before, after, found, naming.label)
            return MatchedImages(found, naming.label)
        if common is not None and common > shared:
            nearest, shared = naming, common
    by_objects = matched_by_objects(before, after)
    if by_objects is not None:
        return MatchedImages(by_objects, "size and objects")
    raise _undecided(old, new, nearest)


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
                f"the image {file_name(image)!r} is {was[0]} × {was[1]} pixels before and "
                f"{now[0]} × {now[1]} after: compare annotations of images of one size."
            )


def sides(gone: Sequence[str], new: Sequence[str]) -> str:
    """In words which names only one of two files has."""
    both = ((gone, "before"), (new, "after"))
    return "; ".join(f"only {side}: {_some(names)}" for names, side in both if names)


def _common(naming: Naming) -> int | None:
    """How many names both files have; None if a file has one twice."""
    old, new = set(naming.before), set(naming.after)
    if len(old) < len(naming.before) or len(new) < len(naming.after):
        return None
    return len(old & new)


def _undecided(
    old: Mapping[int, str], new: Mapping[int, str], nearest: Naming | None
) -> InputError:
    if nearest is not None:
        known = set(nearest.before) & set(nearest.after)
        gone = [n for n, key in zip(old.values(), nearest.before, strict=True) if key not in known]
        extra = [n for n, key in zip(new.values(), nearest.after, strict=True) if key not in known]
        return InputError(
            f"the two files are of different images: {sides(gone, extra)}. {len(known)} images are "
            f"in both by {nearest.label}. Compare files of the same images."
        )
    repeated = [
        n for names in (old, new) for n, times in Counter(names.values()).items() if times > 1
    ]
    names = sides(list(old.values()), list(new.values()))
    why = f"no file name of one is in the other ({names})"
    if repeated:
        why = f"file names repeat ({_some(repeated)})"
    return InputError(
        f"it cannot be told which image of one file is which of the other ({len(old)} before, "
        f"{len(new)} after): {why}, and the images' sizes and objects do not tell either. Equal "
        f"ids do not count, since exports renumber images. {_RENAME}"
    )


def _check_by_objects(
    before: CocoDocument, after: CocoDocument, found: ImageIds, label: str
) -> None:
    """Refuse names that were dealt out anew: by them nothing fits, by the objects everything does.

    Raises:
        InputError: names and objects contradict each other.
    """
    old = {image.number: image for image in boxed_images(before)}
    pairs = [(old[found[image.number]], image) for image in boxed_images(after)]
    judged = [pair for pair in pairs if all(len(image.boxes) for image in pair)]
    alike = sum(share_a_box(*pair) for pair in judged)
    if 2 * alike >= len(judged):
        return
    by_objects = matched_by_objects(before, after)
    if by_objects is not None and by_objects != found:
        raise InputError(
            f"by {label}, only {alike} of {len(judged)} images have an object in the same place in "
            "both files; by size and objects, all images of one are images of the other under "
            "other names. So it cannot be told which image is which: the images were renamed. "
            f"{_RENAME}"
        )
    elsewhere = _fit_elsewhere(pairs)
    if elsewhere:
        raise InputError(
            f"by {label}, only {alike} of {len(judged)} images have an object in the same place in "
            f"both files, and of the first {min(len(pairs), _LOOKED_AT)}, the objects of "
            f"{elsewhere} fit another image better. So it cannot be told which image is which: the "
            f"images were renamed. {_RENAME}"
        )


def _fit_elsewhere(pairs: Sequence[tuple[BoxedImage, BoxedImage]]) -> int:
    """How many of the first images have objects where another image has them, if most have."""
    others = [old for old, _ in pairs][:_COMPARED]
    looked = pairs[:_LOOKED_AT]
    count = 0
    for own, image in looked:
        if _covered(image, own) >= _MOSTLY / 2 or not len(image.boxes):
            continue
        sized = (other for other in others if other.size == image.size and other is not own)
        count += any(_covered(image, other) >= _MOSTLY for other in sized)
    return count if 2 * count > len(looked) else 0


def _covered(image: BoxedImage, other: BoxedImage) -> float:
    """The share of an image's boxes that overlap one of another's by half."""
    if not len(image.boxes) or not len(other.boxes):
        return 0.0
    return float((overlaps(image.boxes.tolist(), other.boxes.tolist()) >= _HALF).any(axis=1).mean())


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(repr, names[:_NAMED])) + more
