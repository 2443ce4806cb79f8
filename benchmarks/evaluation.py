"""Time the evaluation against pycocotools: `python benchmarks/evaluation.py`.

A drawn data set of COCO's shape: 2060 images of 640 x 480 pixels, 80 classes, about 5000 instances,
44,000 detections of them and of nothing, masks with rough outlines as compressed run lengths. Each
program evaluates masks, boxes, and masks without regard to class, from the same lists in memory to
COCO's numbers; the largest difference of any number is printed. About a minute.

    python benchmarks/evaluation.py --images 200      a quick try; no bound

Exit status 1 if, on masks at full size, hotcoco is less than 20 times as fast as pycocotools, or if
the two differ by more than 1e-9.
"""

import argparse
import sys
import time
from typing import Any

import cv2
import numpy as np
from figures import Figure, parsed, write_figures
from pycocotools import mask as coco_mask

from noisyseg.results.evaluation.engines import FAST, REFERENCE, Outcome, largest_difference, run
from noisyseg.results.evaluation.ground_truth import Numbered
from noisyseg.results.evaluation.settings import EVALUATION, TOLERANCE

IMAGES, WIDTH, HEIGHT, CLASSES = 2060, 640, 480, 80
DETECTIONS_PER_INSTANCE, OF_NOTHING = 6, 7
TIMES_FASTER = 20.0


def main() -> int:
    """Draw, evaluate with both, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=IMAGES)
    arguments = parsed(parser, images=300)
    document, detections = drawn(arguments.images)
    instances = len(document["annotations"])
    write(f"{arguments.images} images, {instances} instances, {len(detections)} detections")
    write(f"{'':24} {FAST.name:>10} {REFERENCE.name:>12} {'ratio':>7}  largest difference")
    kept, figures = True, []
    for name, kind, by_class in (
        ("masks", "segm", True),
        ("boxes", "bbox", True),
        ("masks, class-agnostic", "segm", False),
    ):
        (fast, ours), (reference, theirs) = (
            timed(engine, document, detections, kind, by_class) for engine in (FAST, REFERENCE)
        )
        gap = largest_difference(ours, theirs)
        ratio = reference / fast
        write(f"{name:24} {fast:9.2f}s {reference:11.2f}s {ratio:7.1f}  {gap:.1e}")
        own = gap <= TOLERANCE
        if kind == "segm" and by_class and arguments.images >= IMAGES:
            own &= ratio >= TIMES_FASTER
        figures.append(
            Figure(
                what=f"evaluation of {name}, {len(detections)} detections, equal numbers",
                figure=f"{fast:.2f} s",
                ratio=fast / reference,
                rival=f"{REFERENCE.name}: {reference:.2f} s",
                kept=own,
            )
        )
        kept &= own
    write_figures(arguments.figures, figures)
    write(f"bound: {TIMES_FASTER:g} times on masks, {TOLERANCE:g}: {'kept' if kept else 'MISSED'}")
    return 0 if kept else 1


def write(line: str) -> None:
    """A line of the answer, now."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def timed(
    engine: Any, document: Any, detections: Any, kind: str, by_class: bool
) -> tuple[float, Outcome]:
    """Wall seconds and what was found."""
    truth = Numbered(
        document=document,
        detections=detections,
        image_ids=[image["id"] for image in document["images"]],
        categories={entry["name"]: entry["id"] for entry in document["categories"]},
    )
    start = time.perf_counter()
    outcome = run(engine, truth, kind, settings=EVALUATION["settings"], by_class=by_class)
    return time.perf_counter() - start, outcome


def drawn(images: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Rough ellipses, and detections that are those ellipses moved, turned and resized."""
    generator = np.random.default_rng(0)
    annotations: list[dict[str, Any]] = []
    detections: list[dict[str, Any]] = []
    for image in range(1, images + 1):
        for _ in range(generator.integers(1, 5)):
            shape = random_ellipse(generator)
            category = int(generator.integers(1, CLASSES + 1))
            runs, box, area = encoded(shape)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    **{"image_id": image, "category_id": category, "area": area, "bbox": box},
                    **{"segmentation": runs, "iscrowd": int(generator.random() < 0.02)},
                }
            )
            for _ in range(DETECTIONS_PER_INSTANCE):
                said = (
                    category
                    if generator.random() < 0.7
                    else int(generator.integers(1, CLASSES + 1))
                )
                moved = shape * generator.normal(1, 0.08, 5)
                detections.append(detection(image, said, moved, generator.random()))
        for _ in range(OF_NOTHING - 1):
            stray = random_ellipse(generator)
            said = int(generator.integers(1, CLASSES + 1))
            detections.append(detection(image, said, stray, generator.random() / 2))
    sizes = {"width": WIDTH, "height": HEIGHT}
    document = {
        "images": [{"id": number, **sizes} for number in range(1, images + 1)],
        "annotations": annotations,
        "categories": [{"id": n, "name": f"class {n}"} for n in range(1, CLASSES + 1)],
    }
    return document, detections


def random_ellipse(generator: np.random.Generator) -> Any:
    """Centre x, y, half axes, angle."""
    return np.array(
        [
            *(generator.uniform(20, WIDTH - 20), generator.uniform(20, HEIGHT - 20)),
            *generator.uniform(6, 90, 2),
            generator.uniform(0, 180),
        ]
    )


def detection(image: int, category: int, shape: Any, score: float) -> dict[str, Any]:
    """A detection as a run's predictions have it."""
    runs, box, _ = encoded(shape)
    return {
        **{"image_id": image, "category_id": category, "score": score},
        **{"bbox": box, "segmentation": runs},
    }


def encoded(shape: Any) -> tuple[dict[str, Any], list[float], float]:
    """An ellipse's run lengths, box and area; its outline is as rough as a predicted mask's."""
    x, y, *axes, angle = shape
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    rough = 1 + 0.06 * np.sin(7 * turn + x) + 0.04 * np.sin(13 * turn + y)
    points = np.stack([np.cos(turn), np.sin(turn)], axis=1) * np.maximum(axes, 2) * rough[:, None]
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    outline = (points @ np.array([[c, s], [-s, c]]) + (x, y)).round().astype(np.int32)
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    cv2.fillPoly(mask, [outline], 1)
    runs = coco_mask.encode(np.asfortranarray(mask))
    box = coco_mask.toBbox(runs).tolist()
    return {"size": [HEIGHT, WIDTH], "counts": runs["counts"].decode()}, box, float(mask.sum())


if __name__ == "__main__":
    sys.exit(main())
