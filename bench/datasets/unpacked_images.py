"""Unpacked files that are converted, and checked, image by image."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from noisyseg.bench.datasets.check_report import UNPACK, Fault, Report
from noisyseg.bench.datasets.converted import (
    ConvertedImage,
    Progress,
    Tally,
    coco_blocks,
    convert_all,
    told_of,
)
from noisyseg.bench.datasets.image_check import look_at_pixels
from noisyseg.bench.datasets.unpacked import SPLITS, VERSION, Converted, Put, Unpacked
from noisyseg.errors import InputError

_LIST = "the image list cannot be used"


class ImageTask(Protocol):
    """An image to convert; other processes are sent it."""

    @property
    def picture(self) -> Path:
        """The image's file."""

    def files(self) -> list[Path]:
        """What the conversion reads."""

    def convert(self) -> ConvertedImage:
        """The image and its annotations.

        Raises:
            InputError: a file that is absent, damaged, or does not fit the others; names it.
        """


@dataclass(kw_only=True, slots=True, frozen=True)
class UnpackedImages(Unpacked):
    """Files of which some make up an image.

    Attributes:
        categories: of the converted files.
    """

    categories: Sequence[Mapping[str, Any]]

    @abstractmethod
    def tasks(self, split: str) -> Sequence[ImageTask]:
        """The images of `train` or `val`, in order.

        Raises:
            InputError: an unusable list.
        """

    def state(self) -> str:
        """Each file's path, size, and time of its last change, in the order of the images."""
        # Each split under its name: an image may move from one to the other.
        return "\n".join(f"{split}\n{self._state_of(split)}" for split in SPLITS)

    def _state_of(self, split: str) -> str:
        return "\n".join(_state(path) for task in self.tasks(split) for path in task.files())

    def convert(self, put: Put, *, workers: int | None, progress: Progress | None) -> Converted:
        """Convert every image on all cores; see `Unpacked`."""
        tasks = {split: self.tasks(split) for split in SPLITS}
        total, done = sum(map(len, tasks.values())), 0
        counts, notes = {}, []
        for split, of_split in tasks.items():
            tally = Tally()
            images: Iterator[ConvertedImage] = convert_all(
                _convert, of_split, workers=workers, progress=told_of(progress, total, done)
            )
            info = f"{self.name} {split}, converted by noisyseg, version {VERSION}"
            put(split, coco_blocks(images, categories=self.categories, info=info, tally=tally))
            counts[split] = tally.counts()
            notes += [f"{split}: {note}" for note in tally.notes()]
            done += len(of_split)
        return Converted(counts, notes)

    def check(
        self, report: Report, *, workers: int | None, progress: Progress | None
    ) -> Mapping[str, int]:
        """Look at every listed image, to its last pixel; see `Unpacked`."""
        tasks: list[ImageTask] = []
        for split in SPLITS:
            try:
                tasks += self.tasks(split)
            except InputError as error:
                report.faults.append(Fault(kind=_LIST, where=str(error), mend=UNPACK))
        looked = convert_all(
            _look_at, tasks, workers=workers, progress=told_of(progress, len(tasks))
        )
        for annotations, faults in looked:
            report.images += 1
            report.annotations += annotations
            report.faults += faults
        try:
            return self.listed() or {}
        except InputError as error:
            if all(str(error) != fault.where for fault in report.faults):
                report.faults.append(Fault(kind=_LIST, where=str(error), mend=UNPACK))
            return {}


def _state(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:  # the conversion will say so
        return f"{path.name} cannot be read"
    return f"{path.name} {found.st_size} {found.st_mtime_ns}"


def _convert(task: ImageTask) -> ConvertedImage:
    return task.convert()


def _look_at(task: ImageTask) -> tuple[int, list[Fault]]:
    """Whether an image's pixels can be read to the last one, and its other files convert."""
    faults = look_at_pixels(task.picture, None).faults
    count = 0
    try:
        count = len(task.convert().annotations)
    except InputError as error:
        if not faults:  # else the conversion stopped at the picture, too
            faults = [Fault(kind="a file cannot be used", where=str(error), mend=UNPACK)]
    return count, faults
