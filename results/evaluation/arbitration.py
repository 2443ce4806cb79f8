"""Which of two programs is right where they differ: asked of detections whose score is known.

The ground truth itself, given as detections, has AP 100 (less where an image has more objects than
detections count). The program that gives it the higher AP is believed; where this tells nothing,
pycocotools, which defines COCO's AP.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from noisyseg.mask_overlap import as_text, run_lengths
from noisyseg.results.evaluation.engines import Engine, run
from noisyseg.results.evaluation.ground_truth import Numbered
from noisyseg.results.evaluation.predictions import Detection

_ENOUGH = 1e-9


def nearer_to_perfect(
    fast: Engine,
    reference: Engine,
    truth: Numbered,
    settings: Mapping[str, Any],
) -> tuple[Engine, str]:
    """The engine to believe, and why, for the record.

    Args:
        fast: one of them.
        reference: the one that is taken where perfect detections tell nothing.
        truth: the ground truth; its detections are left aside.
        settings: of the evaluation.
    """
    perfect = replace(truth, detections=_perfect(truth.document))
    scores = {}
    for engine in (fast, reference):
        found = [
            run(engine, perfect, kind, settings=settings).stats[0] for kind in ("bbox", "segm")
        ]
        scores[engine.name] = min(found)
    said = ", ".join(f"{100 * score:.4g} by {name}" for name, score in scores.items())
    gain = scores[fast.name] - scores[reference.name]
    chosen = fast if gain > _ENOUGH else reference
    why = "tell nothing, so that the reference is taken" if abs(gain) <= _ENOUGH else "decide"
    return chosen, f"perfect detections of this file {why}: AP {said}"


def _perfect(document: Mapping[str, Any]) -> list[Detection]:
    sizes = {image["id"]: (image["height"], image["width"]) for image in document["images"]}
    found: list[Detection] = []
    for entry in document["annotations"]:
        if entry["iscrowd"]:
            continue
        mask = run_lengths(entry, *sizes[entry["image_id"]])
        found.append(
            {
                "image_id": entry["image_id"],
                "category_id": entry["category_id"],
                "score": 1.0,
                "bbox": [float(side) for side in entry["bbox"]],
                "segmentation": as_text(mask),  # type: ignore[typeddict-item]
            }
        )
    return found
