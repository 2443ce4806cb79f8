"""A data set made ready: COCO-format files and the folders of their images."""

from dataclasses import dataclass, field
from typing import Any

from noisyseg.bench.datasets.split import Split


@dataclass(kw_only=True, slots=True, frozen=True)
class Ready:
    """A data set that runs can use.

    Attributes:
        name: as in records, such as `voc2012-seg`; `-partial` is added where images are missing
            from the official number.
        train, eval: annotation file and folder of images.
        classes: in the run's order; None for every category of the training file.
        counts: images and annotations of each split, as {"train": {"images": n, "annotations": n}}.
        notes: what a person should know (classes that disagree between PNG and XML, …).
    """

    name: str
    train: Split
    eval: Split
    classes: list[str] | None
    counts: dict[str, dict[str, int]]
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "name": self.name,
            "train": {"annotations": str(self.train.annotations), "images": str(self.train.images)},
            "eval": {"annotations": str(self.eval.annotations), "images": str(self.eval.images)},
            "counts": self.counts,
            "notes": self.notes,
        }
