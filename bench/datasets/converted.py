"""COCO-format files from images converted one by one, on all cores."""

import multiprocessing
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from noisyseg.errors import InputError
from noisyseg.mask_overlap import encoded

# Fewer images are converted before processes have started.
_LEAST_FOR_PROCESSES = 64
_CHUNK = 16
_SHOWN = 3
_WATCH_S = 1.0

Progress = Callable[[int, int], None]
Result = TypeVar("Result")


@dataclass(kw_only=True, slots=True)
class ConvertedImage:
    """An image and its annotations, without ids.

    Attributes:
        image: file_name, width, height.
        annotations: category_id, bbox, area, segmentation, iscrowd; in order.
        remarks: kinds of oddities, to be counted.
    """

    image: dict[str, Any]
    annotations: list[dict[str, Any]]
    remarks: list[str] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class Tally:
    """What went into a file.

    Attributes:
        images, annotations: how many.
        remarks: by kind, the names of the images.
    """

    images: int = 0
    annotations: int = 0
    remarks: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def counts(self) -> dict[str, int]:
        """The numbers of images and annotations."""
        return {"images": self.images, "annotations": self.annotations}

    def notes(self) -> list[str]:
        """Each kind of remark with its number and the first images."""
        return [
            f"{len(names)} × {kind}: {', '.join(names[:_SHOWN])}{', …' * (len(names) > _SHOWN)}"
            for kind, names in sorted(self.remarks.items())
        ]


def mask_annotation(mask: NDArray[np.bool_], *, category_id: int) -> dict[str, Any]:
    """The annotation of an instance's pixels: tight box, area, compressed run lengths.

    Args:
        mask: shape (height, width), with at least one pixel set.
        category_id: of its class.
    """
    runs = encoded(mask)
    return {
        "category_id": category_id,
        "bbox": [int(side) for side in coco_mask.toBbox(runs)],
        "area": int(coco_mask.area(runs)),
        "segmentation": runs,
        "iscrowd": 0,
    }


def convert_all(
    convert: Callable[[Any], Result],
    tasks: Sequence[Any],
    *,
    workers: int | None,
    progress: Callable[[int], None],
) -> Iterator[Result]:
    """Every task's result in the order of the tasks, whatever the number of processes.

    Args:
        convert: a function of a module, for other processes to find.
        tasks: what it is called with.
        workers: processes; None for one a core.
        progress: told the number of images done.
    """
    workers = workers or os.cpu_count() or 1
    if workers == 1 or len(tasks) < _LEAST_FOR_PROCESSES:
        for number, task in enumerate(tasks, start=1):
            yield convert(task)
            progress(number)
        return
    # Not forked: threads of the calling process may hold locks.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=end_with, initargs=(os.getpid(),)
    ) as pool:
        try:
            for number, done in enumerate(pool.map(convert, tasks, chunksize=_CHUNK), start=1):
                yield done
                progress(number)
        except BrokenProcessPool as error:
            raise InputError(
                "one of the processes was killed, for want of memory perhaps; nothing was written. "
                "Try again with fewer of them: --workers 1."
            ) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def told_of(progress: Progress | None, total: int, before: int = 0) -> Callable[[int], None]:
    """What `convert_all` tells its numbers: with those done before, and the number in all."""

    def tell(number: int) -> None:
        if progress is not None:
            progress(before + number, total)

    return tell


def end_with(parent: int) -> None:
    """Let this process end soon after the one that started it: a killed one cannot stop it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def coco_blocks(
    images: Iterable[ConvertedImage],
    *,
    categories: Sequence[Mapping[str, Any]],
    info: str,
    tally: Tally,
) -> Iterator[bytes]:
    """A COCO-format file of converted images, piece by piece: ids from 1, in their order.

    Annotations come before images, so that they need not be held until the last image is converted.

    Args:
        images: as they are converted.
        categories: of the file.
        info: its description.
        tally: counts what goes by.
    """
    head = orjson.dumps({"info": {"description": info}, "categories": list(categories)})
    yield head[:-1] + b',"annotations":['
    listed: list[bytes] = []
    for entry in images:
        tally.images += 1
        listed.append(orjson.dumps({"id": tally.images, **entry.image}))
        for annotation in entry.annotations:
            comma = b"," if tally.annotations else b""
            tally.annotations += 1
            ids = {"id": tally.annotations, "image_id": tally.images}
            yield comma + orjson.dumps({**ids, **annotation})
        for kind in entry.remarks:
            tally.remarks[kind].append(str(entry.image["file_name"]))
    yield b'],"images":[' + b",".join(listed) + b"]}"
