"""A data set as runs can use it: COCO-format files and the folders of their images."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
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
        policy: `any` keeps images that also hold other classes (those annotations are left out),
            `only-these-classes` leaves such images out.
        counts: images and annotations of each split, as {"train": {"images": n, "annotations": n}};
            empty where nothing has counted them.
        notes: what a person should know (classes that disagree between PNG and XML, …).
        test: images without annotations, which COCO's server scores; None for most data sets.
        contents: the bytes of the annotation files of `train` and `eval` that are not written yet.
        has_images: False where the images are not there yet, either.
    """

    name: str
    train: Split
    eval: Split
    classes: list[str] | None
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    test: Split | None = None
    contents: Mapping[str, bytes] = field(default_factory=dict)
    has_images: bool = True
    policy: str = "any"

    def counts_text(self) -> str:
        """Images and annotations of each split, in words; empty where nothing has counted them."""
        return ", ".join(
            f"{split} {count['images']} images, {count['annotations']} annotations"
            for split, count in self.counts.items()
        )

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "name": self.name,
            "train": {"annotations": str(self.train.annotations), "images": str(self.train.images)},
            "eval": {"annotations": str(self.eval.annotations), "images": str(self.eval.images)},
            "counts": self.counts,
            "notes": self.notes,
        }


def annotation_file(folder: Path, split: str) -> Path:
    """Where noisyseg puts the annotations of `train` or `val` in a folder that it fills."""
    return folder / "annotations" / f"instances_{split}.json"
