"""COCO's evaluation by two programs: hotcoco, which is fast, and pycocotools, the reference.

Both are driven alike, so that their numbers can be compared entry by entry.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from io import StringIO
from typing import Any

import hotcoco
import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from noisyseg.results.evaluation.ground_truth import Numbered
from noisyseg.results.evaluation.predictions import Detection

Floats = NDArray[np.float64]
SUMMARY = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
"""The order of `COCOeval.stats`."""


@dataclass(kw_only=True, slots=True, frozen=True)
class Engine:
    """A program that evaluates as COCO does.

    Attributes:
        name: of its package.
        dataset: makes its data set of a COCO-format document.
        evaluation: its `COCOeval`.
    """

    name: str
    dataset: Callable[[Mapping[str, Any]], Any]
    evaluation: Callable[[Any, Any, str], Any]

    @property
    def title(self) -> str:
        """Name and version, for records."""
        return f"{self.name} {version(self.name)}"


@dataclass(kw_only=True, slots=True, frozen=True)
class Outcome:
    """What an engine found; -1 where there is no ground truth.

    Attributes:
        stats: COCO's twelve numbers, fractions, in the order of `SUMMARY`.
        precision: (IoU threshold, recall point, class by ascending id, area range, limit).
        recall: (IoU threshold, class, area range, limit).
        images: `COCOeval.evalImgs`: the matches of each class, area range and image.
    """

    stats: Floats
    precision: Floats
    recall: Floats
    images: Callable[[], list[Any]]


def _pycocotools_dataset(document: Mapping[str, Any]) -> Any:
    coco = COCO()
    coco.dataset = dict(document)
    coco.createIndex()
    return coco


FAST = Engine(
    name="hotcoco",
    dataset=lambda document: hotcoco.COCO(dict(document)),
    evaluation=hotcoco.COCOeval,
)
REFERENCE = Engine(name="pycocotools", dataset=_pycocotools_dataset, evaluation=COCOeval)


def run(
    engine: Engine,
    truth: Numbered,
    kind: str,
    *,
    settings: Mapping[str, Any],
    by_class: bool = True,
) -> Outcome:
    """Evaluate detections, as both programs do it.

    Args:
        engine: which of them.
        truth: what is evaluated; annotation ids from 1.
        kind: "bbox" or "segm".
        settings: `max_detections` and `area_ranges`.
        by_class: whether a detection must be of the ground truth's class; otherwise all classes
            are one.
    """
    with redirect_stdout(StringIO()), warnings.catch_warnings():
        # hotcoco's, that numbers over all classes at once are no leaderboard's.
        warnings.filterwarnings("ignore", message="hotcoco", category=UserWarning)
        dataset = engine.dataset(truth.document)
        results = _results(truth.detections, kind)
        # loadRes looks at its first result, so it cannot take an empty list.
        nothing = {**truth.document, "annotations": []}
        found = dataset.loadRes(results) if results else engine.dataset(nothing)
        evaluation = engine.evaluation(dataset, found, kind)
        parameters = evaluation.params
        parameters.imgIds = sorted(truth.image_ids)
        parameters.catIds = truth.category_ids
        parameters.maxDets = list(settings["max_detections"])
        parameters.areaRng = [list(limits) for limits in settings["area_ranges"].values()]
        parameters.areaRngLbl = list(settings["area_ranges"])
        parameters.useCats = by_class
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return Outcome(
        stats=np.asarray(evaluation.stats, dtype=np.float64),
        precision=np.asarray(evaluation.eval["precision"], dtype=np.float64),
        recall=np.asarray(evaluation.eval["recall"], dtype=np.float64),
        images=lambda: evaluation.evalImgs,
    )


def largest_difference(first: Outcome, second: Outcome) -> float:
    """The most that two outcomes' entries differ by, as a fraction; infinite for other shapes."""
    pairs = [
        (first.stats, second.stats),
        (first.precision, second.precision),
        (first.recall, second.recall),
    ]
    if any(a.shape != b.shape for a, b in pairs):
        return float("inf")
    return max(float(np.abs(a - b).max()) if a.size else 0.0 for a, b in pairs)


def _results(detections: Sequence[Detection], kind: str) -> list[dict[str, Any]]:
    """As COCO's result files have them; pycocotools writes into the list that it is given."""
    # One shape at a time: a mask result that has a `bbox` is given the box's area, which moves it
    # between small, medium and large.
    if kind == "bbox":
        return [
            {
                "image_id": entry["image_id"],
                "category_id": entry["category_id"],
                "score": entry["score"],
                "bbox": entry["bbox"],
            }
            for entry in detections
        ]
    return [
        {
            "image_id": entry["image_id"],
            "category_id": entry["category_id"],
            "score": entry["score"],
            "segmentation": entry["segmentation"],
        }
        for entry in detections
    ]
