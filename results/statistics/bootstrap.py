"""The bootstrap over images: the same draws of images for all methods, so that they stay paired.

Images are drawn with replacement, and an image drawn twice counts twice (Efron & Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 13). No detection is matched anew: matches are within
an image, so that a draw only weighs them. Of an image's detections of a class that have exactly one
score, copies come in the order of the detections, not of the copies.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError, placed
from noisyseg.results.evaluation.average_precision import average_precisions
from noisyseg.results.evaluation.image_matches import Floats, Matches


def draw_weights(images: int, *, draws: int, seed: int) -> NDArray[np.int64]:
    """How often each image is drawn, shape (draws, images); each row sums to images."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(images, np.full(images, 1 / images), size=draws)


def drawn_precisions(matches: Matches, *, draws: int, seed: int) -> Floats:
    """AP in percent of each draw of images, shape (draws,); NaN where no class has an instance."""
    weights = draw_weights(len(matches.image_ids), draws=draws, seed=seed)
    return average_precisions(matches, weights)


def check_truth(entries: Mapping[str, Matches]) -> None:
    """Refuse matches that cannot be compared image by image.

    Args:
        entries: name of a run → its matches, at least one.

    Raises:
        InputError: they are not of the same images and instances; the first two that are not are
            named.
    """
    (first_name, first), *others = entries.items()
    for name, other in others:
        with placed(f"{first_name} and {name}"):
            _check_same(first, other)


def _check_same(first: Matches, other: Matches) -> None:
    if other.image_ids != first.image_ids:
        raise InputError(
            f"a paired bootstrap needs the same images: got {len(first.image_ids)} and "
            f"{len(other.image_ids)}, {len(set(first.image_ids) & set(other.image_ids))} shared"
        )
    here, there = ([entry.instances for entry in m.classes] for m in (first, other))
    if not np.array_equal(here, there):
        raise InputError(
            "a paired bootstrap needs the same instances: got "
            f"{int(np.sum(here))} of {len(here)} classes and {int(np.sum(there))} of "
            f"{len(there)}. Evaluate both against the same annotations and classes"
        )
