"""The manifest: what the noise did to one annotation file, in data that depends on inputs alone.

No date, path, host or software version enters it, so equal inputs give equal bytes. Its keys:

    format        version of this layout
    spec          the resolved noise spec
    clean_sha256, noisy_sha256    of the two files' bytes
    annotations   {total, crowd, changed}: crowds are in `total` and in no other number here
    classes       per category, in file order: {id, name, clean, noisy, changed}: how many
                  annotations of the class the clean and the noisy file have, and how many of the
                  clean ones are of another class now
    counts        K x K: row = clean class, column = noisy class, in file order
    changes       [annotation id, old category id, new category id], sorted by annotation id
    steps         per step: {type, intended_rate, eligible, flipped, rate_of_eligible, rate_of_all,
                  per_class}: `per_class` is {eligible, flipped}, lists by the class before the
                  step; the rate of no annotations is null
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from noisyseg.files import canonical_json
from noisyseg.noise.class_noise import Indices, Mask
from noisyseg.noise.spec import NoiseSpec, NoiseStep

Manifest = dict[str, Any]
FORMAT_VERSION = 1


def build_manifest(
    spec: NoiseSpec, categories: Sequence[dict[str, Any]], clean: Indices, noisy: Indices
) -> Manifest:
    """What class indices tell; the caller adds annotations, changes, steps and checksums.

    Args:
        spec: what was applied.
        categories: the file's categories, K of them.
        clean: class per annotation that is no crowd before the noise, shape (N,).
        noisy: the same after it, shape (N,).
    """
    k = len(categories)
    counts = np.bincount(clean * k + noisy, minlength=k * k).reshape(k, k)
    before, after, kept = counts.sum(axis=1), counts.sum(axis=0), counts.diagonal()
    return {
        "format": FORMAT_VERSION,
        "spec": spec.resolved(),
        "classes": [
            {
                "id": category["id"],
                "name": category["name"],
                "clean": int(before[index]),
                "noisy": int(after[index]),
                "changed": int(before[index] - kept[index]),
            }
            for index, category in enumerate(categories)
        ],
        "counts": counts.tolist(),
    }


def step_entry(
    step: NoiseStep, before: Indices, after: Indices, eligible: Mask, num_classes: int
) -> dict[str, Any]:
    """What one step did, from the classes before and after it and who was eligible, each (N,)."""
    flipped = before != after
    num_eligible, num_flipped = int(eligible.sum()), int(flipped.sum())
    return {
        "type": step.type,
        "intended_rate": step.rate,
        "eligible": num_eligible,
        "flipped": num_flipped,
        "rate_of_eligible": num_flipped / num_eligible if num_eligible else None,
        "rate_of_all": num_flipped / len(before) if len(before) else None,
        "per_class": {
            "eligible": np.bincount(before[eligible], minlength=num_classes).tolist(),
            "flipped": np.bincount(before[flipped], minlength=num_classes).tolist(),
        },
    }


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest's bytes: canonical JSON and a line end."""
    return canonical_json(manifest) + b"\n"
