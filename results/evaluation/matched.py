"""Which class detections give to the instances that they find: the paper's second sub-task.

A detection is matched to an instance by mask IoU alone, as COCO matches them: detections by falling
score, each with the free instance that it overlaps most, at an IoU of at least 0.5. Of an instance
that was found several times, the detection with the highest score has the say.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from noisyseg.results.evaluation.predictions import Detection


def matched_classes(
    images: Sequence[Any],
    annotations: Sequence[Mapping[str, Any]],
    detections: Sequence[Detection],
    categories: Mapping[str, int],
    *,
    area: Sequence[float],
) -> dict[str, Any]:
    """Class accuracy and confusion of the instances that were found.

    Args:
        images: `COCOeval.evalImgs` of an evaluation of all classes as one, whose first IoU
            threshold is 0.5.
        annotations: the ground truth evaluated against, with its ids.
        detections: those evaluated, in the order in which they were given.
        categories: class name → category id.
        area: the range of all areas, to tell its matches from those of the others.

    Returns:
        {`instances`: number of instances that are no crowds; `found`: how many of them were
        matched; `accuracy`: percent of those whose class is right, None if none was found;
        `confusion`: K x K numbers, row = class of the instance, column = of the detection, in the
        order of `categories`}.
    """
    place = {number: index for index, number in enumerate(categories.values())}
    class_of = {entry["id"]: place[entry["category_id"]] for entry in annotations}
    confusion = [[0] * len(place) for _ in place]
    instances = 0
    for image in images:
        if image is None or list(image["aRng"]) != list(area):
            continue
        instances += sum(not ignored for ignored in image["gtIgnore"])
        matches, ignored = image["dtMatches"][0], image["dtIgnore"][0]
        for number, instance, left_out in zip(image["dtIds"], matches, ignored, strict=True):
            if instance > 0 and not left_out:
                predicted = place[detections[int(number) - 1]["category_id"]]
                confusion[class_of[int(instance)]][predicted] += 1
    found = sum(map(sum, confusion))
    right = sum(row[index] for index, row in enumerate(confusion))
    return {
        "instances": instances,
        "found": found,
        "accuracy": 100 * right / found if found else None,
        "confusion": confusion,
    }
