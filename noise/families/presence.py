"""One step of presence noise on a document.

Its report, the step's entry in the manifest, has `type`, `intended_rate`, `eligible` (annotations
that count), and what happened to the whole and per class, in file order:

    missing  `removed`; `rate_of_eligible`, with the 95 % interval that a rate drawn for each
             annotation would have; `rate_of_all` (annotations that the step may touch);
             `per_class` {eligible, removed}
    bogus    `added`; `rate_of_eligible`: their share of them and the eligible together;
             `rate_of_all`: of all annotations afterwards, crowds too; `per_class` {eligible, added}
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from noisyseg.noise.draws import StepDraws
from noisyseg.noise.proportion import binomial_interval
from noisyseg.noise.scene import Presence, Scene
from noisyseg.noise.spec import NoiseStep
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.types.registry import NOISE_TYPES


def presence_step(
    step: NoiseStep, document: Mapping[str, Any], draws: StepDraws, *, largest_id: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The annotations after a step of the presence family, and the step's report.

    Args:
        step: of the presence family.
        document: a checked COCO document.
        draws: the step's.
        largest_id: of the clean file; no new annotation takes the place of one that is gone.

    Raises:
        InputError: the step does not fit the document.
    """
    apply = NOISE_TYPES[step.type].apply
    assert apply is not None
    entries = document["annotations"]
    table = AnnotationTable.of(document)
    scene = Scene.of(document, table, step.parameters, largest_id=largest_id)
    presence = apply(step.parameters, scene, draws)
    kept = [entry for entry, stays in zip(entries, presence.kept.tolist(), strict=True) if stays]
    return kept + presence.added, _report(step, scene, presence)


def _report(step: NoiseStep, scene: Scene, presence: Presence) -> dict[str, Any]:
    table, num_eligible = scene.table, int(scene.eligible.sum())
    k = len(table.categories)
    index_of = {number: index for index, number in enumerate(table.categories.ids)}
    if step.type == "bogus":
        what, whole = "added", num_eligible + len(presence.added)
        everything = len(table.numbers) + len(presence.added)
        classes = [index_of[entry["category_id"]] for entry in presence.added]
        counts = np.bincount(np.array(classes, dtype=np.int64), minlength=k)
    else:
        what, whole = "removed", num_eligible
        everything = num_eligible
        counts = np.bincount(table.classes[~presence.kept], minlength=k)
    number = int(counts.sum())
    return {
        "type": step.type,
        "intended_rate": step.parameters["rate"],
        "eligible": num_eligible,
        what: number,
        "rate_of_eligible": number / whole if whole else None,
        "rate_of_eligible_interval": binomial_interval(number, whole),
        "rate_of_all": number / everything if everything else None,
        "per_class": {
            "eligible": np.bincount(table.classes[scene.eligible], minlength=k).tolist(),
            what: counts.tolist(),
        },
    }
