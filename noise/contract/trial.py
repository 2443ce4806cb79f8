"""A type of noise with what it is tried on: a document that is drawn from fixed seeds."""

import copy
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from noisyseg.annotation_files.document import CocoDocument
from noisyseg.errors import InputError
from noisyseg.noise.corrupt import corrupt
from noisyseg.noise.draws import StepDraws
from noisyseg.noise.manifest import DocumentManifest
from noisyseg.noise.spec import NoiseSpec, NoiseStep, make_step
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.parameters import REQUIRED

RATE = 0.4

_ANNOTATIONS, _IMAGES = 600, 30
_CATEGORIES = (
    *((7, "cat", "animal"), (1, "dog", "animal"), (20, "cow", "animal")),
    *((3, "car", "vehicle"), (8, "bus", "vehicle"), (4, "boat", "vehicle")),
)

Entries = dict[int, dict[str, Any]]
"""Annotations by id."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A type and the parameters that it is tried with, beside its rate.

    Attributes:
        kind: the type.
        given: values by name, as a spec writes them.
        document: that it is applied to, which stays as it is.
    """

    kind: NoiseType
    given: Mapping[str, Any]
    document: CocoDocument

    @property
    def clean(self) -> Entries:
        """The annotations before."""
        return by_id(self.document)

    def step(self, **changes: Any) -> NoiseStep:
        """The one step, with other values of some parameters."""
        names = [entry["name"] for entry in self.document["categories"]]
        return make_step(
            self.kind.name, classes=names, where="noise check", **{**self.given, **changes}
        )

    def spec(self, *, seed: int = 0, **changes: Any) -> NoiseSpec:
        """The spec of the one step."""
        return NoiseSpec(steps=(self.step(**changes),), seed=seed)

    def draws(self, seed: int = 0) -> StepDraws:
        """The draws of the one step."""
        return StepDraws(seed=seed, kind=self.kind.name)

    def noisy(
        self, *, seed: int = 0, foreign_seed: int = 0, **changes: Any
    ) -> tuple[CocoDocument, DocumentManifest]:
        """What the type makes of a copy of the document.

        Args:
            seed: noise seed.
            foreign_seed: of Python's and NumPy's own generators, which noise has no use for.
            changes: see `step`.
        """
        with foreign_generators(foreign_seed):
            return corrupt(copy.deepcopy(self.document), self.spec(seed=seed, **changes))

    def of(self, annotations: list[dict[str, Any]]) -> "Trial":
        """The same with other annotations of the same images and categories."""
        return replace(self, document={**self.document, "annotations": annotations})


def trial_of(kind: NoiseType, given: Mapping[str, Any] | None = None) -> Trial:
    """A type with values of all its parameters: what is given, its own `trial`, its first preset.

    Raises:
        InputError: a value that the type refuses, or a parameter that has none.
    """
    preset = next(iter(kind.presets.values()), {})
    with kind.faults_told():
        own = kind.trial(AnnotationTable.of(trial_document()))
    values = {"rate": RATE, **preset, **own, **(given or {})}
    if "rate" not in kind.parameters:
        values.pop("rate")
    for name, parameter in kind.parameters.items():
        if parameter.default is REQUIRED and name not in values:
            raise InputError(
                f"{kind.told}: to try it, {name!r} must have a value ({parameter.summary}): give "
                f"it by --set {name}=VALUE, or by the type's own `trial`."
            )
    trial = Trial(kind=kind, given=values, document=trial_document())
    trial.step()
    return trial


@contextmanager
def foreign_generators(seed: int) -> Iterator[None]:
    """Python's and NumPy's generators at a seed, and afterwards as they were."""
    python, arrays = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)


def by_id(document: CocoDocument) -> Entries:
    """A document's annotations by id."""
    return {entry["id"]: entry for entry in document["annotations"]}


def differing(one: Entries, other: Entries) -> set[int]:
    """Ids of annotations that are not the same in both, or in one of them alone."""
    return {number for number in one.keys() | other.keys() if one.get(number) != other.get(number)}


@cache
def trial_document() -> CocoDocument:
    """Stars as polygons and run lengths, some without a mask, some crowds, two super-categories."""
    draw = np.random.default_rng(0)
    images = [
        {"id": 5 * n + 2, "file_name": f"{n}.png", "height": 90 + n, "width": 120 + n % 7}
        for n in range(_IMAGES)
    ]
    return {
        "images": images,
        "annotations": [_annotation(n, images[n % _IMAGES], draw) for n in range(_ANNOTATIONS)],
        "categories": [
            {"id": number, "name": name, "supercategory": above}
            for number, name, above in _CATEGORIES
        ],
    }


def _annotation(n: int, image: Mapping[str, Any], draw: np.random.Generator) -> dict[str, Any]:
    height, width = image["height"], image["width"]
    corners = int(draw.integers(6, 20))
    angles = np.sort(draw.random(corners)) * 2 * np.pi
    radii = draw.uniform(8, 35, corners)
    centre = draw.uniform(0.25, 0.75, 2) * (width, height)
    star = centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    polygons = [np.round(np.clip(star, 0, (width, height)), 2).ravel().tolist()]
    mask = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    crowd = n % 40 == 9
    entry = {
        "id": 7 * n + 3,
        "image_id": image["id"],
        "category_id": _CATEGORIES[int(draw.integers(len(_CATEGORIES)))][0],
        "iscrowd": int(crowd),
        "bbox": coco_mask.toBbox(mask).tolist(),
        "area": float(coco_mask.area(mask)),
    }
    if crowd or n % 5 == 1:
        counts = mask["counts"].decode()
        return {**entry, "segmentation": {"size": [height, width], "counts": counts}}
    return entry if n % 11 == 2 else {**entry, "segmentation": polygons}
