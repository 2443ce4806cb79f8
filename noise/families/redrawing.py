"""Instances redrawn by a type of geometry noise, over processes."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from multiprocessing.context import BaseContext
from typing import Any, NamedTuple

import cv2
from pycocotools import mask as coco_mask

from noisyseg.noise.draws import StepDraws
from noisyseg.noise.families.family import Annotation, Parameters
from noisyseg.noise.masks.instance import Instance, overlap_of
from noisyseg.own_code import CodeFile, file_of, run_file
from noisyseg.socket_paths import shorten_temporary_folder

Change = Callable[[Instance, Parameters, StepDraws], Instance | None]
"""Redraws an instance: the same object where nothing moved, None where nothing would be left."""

_CHUNK = 256  # annotations that a process gets at a time
_KEYS = ("id", "segmentation", "bbox", "area")


class Job(NamedTuple):
    """An annotation to redraw, and the size of its image in pixels."""

    annotation: Annotation
    height: int
    width: int

    @classmethod
    def of(cls, annotation: Annotation, height: int, width: int) -> "Job":
        """The job with what drawing needs of an annotation, and no more."""
        kept = {key: annotation[key] for key in _KEYS if key in annotation}
        return cls(kept, height, width)


class Redrawn(NamedTuple):
    """What became of an annotation.

    Attributes:
        fields: new values of those that changed.
        iou: of the instance before and after; None where it vanished.
    """

    fields: dict[str, Any]
    iou: float | None


def redraw(
    change: Change, parameters: Parameters, jobs: Sequence[Job], draws: StepDraws, *, workers: int
) -> list[Redrawn]:
    """What becomes of each annotation, in order, whatever the number of processes."""
    chunks = [jobs[start : start + _CHUNK] for start in range(0, len(jobs), _CHUNK)]
    work = partial(_redraw_chunk, change, parameters, draws)
    processes = min(workers, len(chunks))
    if processes < 2:
        return list(chain.from_iterable(map(work, chunks)))
    shorten_temporary_folder()
    with ProcessPoolExecutor(
        processes,
        mp_context=_context(),
        initializer=_start,
        initargs=(file_of(change.__module__),),
    ) as pool:
        return list(chain.from_iterable(pool.map(work, chunks)))


def _start(file: CodeFile | None) -> None:
    """Make a process ready, in which a type of a user's file has its module."""
    cv2.setNumThreads(1)
    if file is not None:
        run_file(file, "noise type")


def _context() -> BaseContext:
    """How processes start: never as forks of this one, which may run threads (torch's, Ray's)."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__])  # imports once for all of them
    return context


def _redraw_chunk(
    change: Change, parameters: Parameters, draws: StepDraws, jobs: Sequence[Job]
) -> list[Redrawn]:
    return [_redraw_one(change, parameters, draws, job) for job in jobs]


def _redraw_one(change: Change, parameters: Parameters, draws: StepDraws, job: Job) -> Redrawn:
    old = Instance.of(job.annotation, job.height, job.width)
    if old.mask is not None and not coco_mask.area(old.mask):
        return Redrawn({}, None)
    new = change(old, parameters, draws)
    if new is None:
        return Redrawn({}, None)
    if new is old:
        return Redrawn({}, 1.0)
    values = {"segmentation": new.segmentation, "bbox": list(new.box), "area": _area(job, old, new)}
    only = parameters.get("only", "all")
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
