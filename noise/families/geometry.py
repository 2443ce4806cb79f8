"""One step of geometry noise on a document: which annotations it redraws, over processes.

Its report, the step's entry in the manifest:

    type, intended_rate
    eligible          annotations that the step may redraw: with a mask if it needs one
    drawn             those of them that the FLIP draw chose
    changed           those of them that are another now; the rest had nothing to move, or
    vanished          would have nothing left and is kept as it was
    rate_of_eligible  changed / eligible, with its 95 % interval (Wilson)
    rate_of_all       changed / (annotations that the step may touch, with or without a mask)
    mean_iou          of the changed ones' masks before and after; of the boxes where no mask moved
    per_class         {eligible, changed}, in file order
"""

import math
import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from multiprocessing.context import BaseContext
from typing import Any, NamedTuple

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from noisyseg.mask_overlap import has_mask
from noisyseg.noise.draws import Purpose, StepDraws
from noisyseg.noise.masks.instance import Instance, overlap_of
from noisyseg.noise.proportion import binomial_interval
from noisyseg.noise.spec import NoiseStep
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Mask
from noisyseg.noise.types.registry import NOISE_TYPES
from noisyseg.socket_paths import shorten_temporary_folder

_CHUNK = 256  # annotations that a process gets at a time

Annotation = dict[str, Any]


class Job(NamedTuple):
    """An annotation to redraw, and the size of its image in pixels."""

    annotation: Annotation
    height: int
    width: int


class Redrawn(NamedTuple):
    """What became of an annotation.

    Attributes:
        fields: new values of those that changed.
        iou: of the instance before and after; None where it vanished.
    """

    fields: dict[str, Any]
    iou: float | None


def geometry_step(
    step: NoiseStep, document: Mapping[str, Any], draws: StepDraws, *, workers: int
) -> tuple[list[Annotation], dict[str, Any]]:
    """The annotations after a step of the geometry family, and the step's report.

    Args:
        step: of the geometry family.
        document: a checked COCO document.
        draws: the step's.
        workers: processes; with more than one, a script that calls this must guard its top level
            by `if __name__ == "__main__"`. The result is the same for any number.

    Raises:
        InputError: a segmentation that is no mask of its image.
    """
    entries: list[Annotation] = document["annotations"]
    table = AnnotationTable.of(document)
    touched = np.ones_like(table.crowds) if step.parameters["crowds"] else ~table.crowds
    eligible = touched.copy()
    if NOISE_TYPES[step.type].needs_mask:
        eligible &= np.array([has_mask(entry) for entry in entries], dtype=np.bool_)
    drawn = eligible & (draws.uniform(Purpose.FLIP, table.ids) < step.parameters["rate"])
    places = np.flatnonzero(drawn).tolist()
    sizes = {image["id"]: (image["height"], image["width"]) for image in document["images"]}
    jobs = [Job(_geometry(entries[p]), *sizes[entries[p]["image_id"]]) for p in places]
    results = redraw(step, jobs, draws, workers=workers)
    after, changed = list(entries), np.zeros_like(drawn)
    for place, result in zip(places, results, strict=True):
        if result.fields:
            after[place] = {**entries[place], **result.fields}
            changed[place] = True
    report = _report(step, table, (touched, eligible, drawn, changed), results)
    return after, report


def redraw(
    step: NoiseStep, jobs: Sequence[Job], draws: StepDraws, *, workers: int
) -> list[Redrawn]:
    """What becomes of each annotation, in order, whatever the number of processes."""
    chunks = [jobs[start : start + _CHUNK] for start in range(0, len(jobs), _CHUNK)]
    work = partial(_redraw_chunk, step, draws)
    processes = min(workers, len(chunks))
    if processes < 2:
        return list(chain.from_iterable(map(work, chunks)))
    shorten_temporary_folder()
    with ProcessPoolExecutor(
        processes, mp_context=_context(), initializer=cv2.setNumThreads, initargs=(1,)
    ) as pool:
        return list(chain.from_iterable(pool.map(work, chunks)))


def _context() -> BaseContext:
    """How processes start: never as forks of this one, which may run threads (torch's, Ray's)."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__])  # imports once for all of them
    return context


def _geometry(annotation: Annotation) -> Annotation:
    keys = ("id", "segmentation", "bbox", "area")
    return {key: annotation[key] for key in keys if key in annotation}


def _redraw_chunk(step: NoiseStep, draws: StepDraws, jobs: Sequence[Job]) -> list[Redrawn]:
    return [_redraw_one(step, draws, job) for job in jobs]


def _redraw_one(step: NoiseStep, draws: StepDraws, job: Job) -> Redrawn:
    change = NOISE_TYPES[step.type].change
    assert change is not None
    old = Instance.of(job.annotation, job.height, job.width)
    if old.mask is not None and not coco_mask.area(old.mask):
        return Redrawn({}, None)
    new = change(old, step.parameters, draws)
    if new is None:
        return Redrawn({}, None)
    if new is old:
        return Redrawn({}, 1.0)
    values = {"segmentation": new.segmentation, "bbox": list(new.box), "area": _area(job, old, new)}
    only = step.parameters["only"]
    fields = {
        key: value
        for key, value in values.items()
        if only in ("all", key) and key in job.annotation and job.annotation[key] != value
    }
    return Redrawn(fields, overlap_of(old, new))


def _area(job: Job, old: Instance, new: Instance) -> float | None:
    """Pixels of the new mask; without one, the area grows with its box."""
    if new.mask is not None:
        return float(coco_mask.area(new.mask))
    area = job.annotation.get("area")
    if not isinstance(area, int | float):
        return area
    growth = (new.box[2] * new.box[3]) / (old.box[2] * old.box[3])
    return round(area * growth, 2)


def _report(
    step: NoiseStep,
    table: AnnotationTable,
    masks: tuple[Mask, Mask, Mask, Mask],
    results: Sequence[Redrawn],
) -> dict[str, Any]:
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
