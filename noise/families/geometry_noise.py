"""Geometry noise: other masks, boxes and areas for the same objects.

What needs OpenCV or pycocotools is imported as a step is made: a list of the types needs neither.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from noisyseg.mask_overlap import has_mask
from noisyseg.noise.draws import Purpose, StepDraws
from noisyseg.noise.families.family import Annotation, Family, Parameters, Report, Step
from noisyseg.noise.proportion import binomial_interval
from noisyseg.noise.scene import Scene
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Mask

if TYPE_CHECKING:
    from noisyseg.noise.families.redrawing import Change, Redrawn


@dataclass(frozen=True, kw_only=True)
class GeometryNoise(Family):
    """The family of types that redraw instances.

    An annotation is redrawn where its FLIP draw is below `rate`. With the parameter `only` a type
    says which field changes; without it all of them do.

    A step's report::

        type, intended_rate
        eligible          annotations that the step may redraw: with a mask if it needs one
        drawn             those of them that the FLIP draw chose
        changed           those of them that are another now; the rest had nothing to move, or
        vanished          would have nothing left and is kept as it was
        rate_of_eligible  changed / eligible, with its 95 % interval (Wilson)
        rate_of_all       changed / (annotations that the step may touch, with or without a mask)
        mean_iou          of the changed ones' masks before and after; of the boxes where no mask
                          moved
        per_class         {eligible, changed}, in file order

    Attributes:
        change: redraws an instance; the same object where nothing moved, None where nothing would
            be left. A function at a module's top level, so that other processes have it.
        needs_mask: whether it redraws only annotations with a segmentation.
    """

    name: ClassVar[str] = "geometry"
    required: ClassVar[tuple[str, ...]] = ("rate",)
    decides_labels: ClassVar[bool] = False

    change: "Change"
    needs_mask: bool = True

    def check(self, parameters: Parameters, scene: Scene) -> None:
        """See `Family`."""
        from noisyseg.noise.masks.shapes import check_masks, check_masks_and_boxes

        (check_masks if self.needs_mask else check_masks_and_boxes)(parameters, scene)

    def step(
        self,
        step: Step,
        document: Mapping[str, Any],
        draws: StepDraws,
        *,
        largest_id: int,
        workers: int,
    ) -> tuple[list[Annotation], Report]:
        """See `Family`."""
        from noisyseg.noise.families.redrawing import Job, redraw

        entries: list[Annotation] = document["annotations"]
        table = AnnotationTable.of(document)
        touched = np.ones_like(table.crowds) if step.parameters.get("crowds") else ~table.crowds
        eligible = touched.copy()
        if self.needs_mask:
            eligible &= np.array([has_mask(entry) for entry in entries], dtype=np.bool_)
        drawn = eligible & (draws.uniform(Purpose.FLIP, table.ids) < step.parameters["rate"])
        places = np.flatnonzero(drawn).tolist()
        sizes = {image["id"]: (image["height"], image["width"]) for image in document["images"]}
        jobs = [Job.of(entries[p], *sizes[entries[p]["image_id"]]) for p in places]
        results = redraw(self.change, step.parameters, jobs, draws, workers=workers)
        after, changed = list(entries), np.zeros_like(drawn)
        for place, result in zip(places, results, strict=True):
            if result.fields:
                after[place] = {**entries[place], **result.fields}
                changed[place] = True
        return after, _report(step, table, (touched, eligible, drawn, changed), results)


def _report(
    step: Step,
    table: AnnotationTable,
    masks: tuple[Mask, Mask, Mask, Mask],
    results: Sequence["Redrawn"],
) -> Report:
    touched, eligible, drawn, changed = (int(mask.sum()) for mask in masks)
    overlaps = [r.iou for r in results if r.fields and r.iou is not None]
    k = len(table.categories)
    return {
        "type": step.type,
        "intended_rate": step.parameters["rate"],
        "eligible": eligible,
        "drawn": drawn,
        "changed": changed,
        "vanished": sum(result.iou is None for result in results),
        "rate_of_eligible": changed / eligible if eligible else None,
        "rate_of_eligible_interval": binomial_interval(changed, eligible),
        "rate_of_all": changed / touched if touched else None,
        # Summed exactly, so that the order of the annotations does not matter.
        "mean_iou": math.fsum(overlaps) / len(overlaps) if overlaps else None,
        "per_class": {
            "eligible": np.bincount(table.classes[masks[1]], minlength=k).tolist(),
            "changed": np.bincount(table.classes[masks[3]], minlength=k).tolist(),
        },
    }
