"""A whole suite for a folder of data: looked at, chosen, checked; nothing is written here."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.datasets.preparation import check_data
from noisyseg.bench.datasets.ready import Ready
from noisyseg.bench.datasets.split import Split
from noisyseg.bench.first_suite.class_pairs import Pairs, propose_pairs
from noisyseg.bench.first_suite.image_folders import check_sizes
from noisyseg.bench.first_suite.survey import Survey
from noisyseg.bench.first_suite.training_plan import Sizes, TrainingPlan, plan_training
from noisyseg.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A half of the data.

    Attributes:
        survey: of its annotation file.
        images: their folder.
        content: of the annotation file, if it is to be written beside the suite.
    """

    survey: Survey
    images: Path
    content: bytes | None = None

    @property
    def split(self) -> Split:
        """The same as a suite's data have it."""
        return Split(annotations=self.survey.path, images=self.images)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """All that a suite's text is made of.

    Attributes:
        name: of the suite and of its data.
        classes: that are trained, in the training file's order.
        left_out: other classes of the training file, and why.
        pairs: of them, for asymmetric noise.
        plan: of the training.
        spared: a test file that is not used.
        held_out: whether the evaluation file was made of the training file.
        same: whether both files are one.
        warnings: what whoever trains on the data should know.
    """

    name: str
    train: Part
    eval: Part
    classes: list[str]
    left_out: dict[str, str]
    pairs: Pairs
    plan: TrainingPlan
    spared: Path | None
    held_out: bool
    same: bool
    warnings: list[str]


def name_of(folder: Path) -> str:
    """What a suite on a folder's data is called: the folder's name as a file can have it."""
    words = re.sub(r"[^\w.-]+", "-", Path(os.path.abspath(folder)).name)
    return words.strip("-._")[:60] or "my-data"


def propose(
    name: str,
    train: Part,
    evaluation: Part,
    *,
    device: str,
    spared: Path | None = None,
    held_out: bool = False,
) -> Proposal:
    """A suite for these data, once they have been looked at as `run` does.

    Raises:
        InputError: data that cannot be trained or evaluated on.
    """
    classes, left_out = _classes(train.survey, evaluation.survey)
    for part in (train, evaluation):
        check_sizes(part.survey.images, part.images)
    both = {"train": train, "eval": evaluation}
    contents = {key: part.content for key, part in both.items() if part.content is not None}
    ready = Ready(
        name=name,
        train=train.split,
        eval=evaluation.split,
        classes=classes,
        contents=contents,
    )
    checked = check_data(ready)
    sides = checked.trained_sides
    sizes = Sizes(
        train=len(sides),
        eval=checked.eval_images,
        long_side=train.survey.long_side,
        short_side=train.survey.short_side,
        shortest=min(sides),
        object_share=train.survey.object_share,
    )
    return Proposal(
        name=name,
        train=train,
        eval=evaluation,
        classes=classes,
        left_out=left_out,
        pairs=propose_pairs(classes, train.survey.superclasses),
        plan=plan_training(sizes, device),
        spared=spared,
        held_out=held_out,
        same=train.survey.path == evaluation.survey.path,
        warnings=checked.warnings,
    )


def _classes(train: Survey, evaluation: Survey) -> tuple[list[str], dict[str, str]]:
    """The classes that both files have and that the training file has annotations of.

    Raises:
        InputError: there is none.
    """
    scored = set(evaluation.classes)
    left_out = {}
    for name in train.classes:
        if not train.counts[name]:
            left_out[name] = "no annotation in the training file"
        elif name not in scored:
            left_out[name] = "the evaluation file has no such category"
    classes = [name for name in train.classes if name not in left_out]
    if not classes:
        raise InputError(
            f"{train.path} and {evaluation.path} share no class that the first has annotations of: "
            f"the one has {_some(train.classes)}, the other {_some(evaluation.classes)}. Classes "
            "are known by their names: give both files the same."
        )
    return classes, left_out


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:5])) + ", …" * (len(names) > 5)
