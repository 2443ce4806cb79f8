"""Seconds of geometry noise per 1000 instances, with one and with two processes.

    python benchmarks/mask_noise.py [--instances 20000] [--repeats 3]

It makes a set that is shaped like COCO's training annotations (images of 640 × 480 pixels, polygons
with the numbers of vertices and the sizes of COCO's, one in ten instances in two parts), redraws
every instance with each type at its `mid` preset, and prints a table: seconds per 1000 instances
(the best of the repeats, the start of the processes included), and how near two processes come to
twice the speed of one. Takes about two minutes on two cores.
"""

import argparse
import sys
import time
from typing import Any

import numpy as np
from figures import Figure, parsed, write_figures

from noisyseg.noise.corrupt import steps_with_draws
from noisyseg.noise.requirements import check_steps
from noisyseg.noise.spec import NoiseSpec, make_step
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.types.registry import NOISE_TYPES

WIDTH, HEIGHT = 640, 480
PER_IMAGE = 7  # annotations; COCO's mean is 7.3
TYPES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("scale", {"preset": "mid"}),
    ("boundary", {"preset": "mid"}),
    ("approximation", {"preset": "mid"}),
    ("box-jitter", {"r": 0.2}),
)


def coco_like(instances: int, seed: int = 0) -> dict[str, Any]:
    """A COCO document of star-shaped polygons; sizes are log-normal, median about 50 pixels."""
    draw = np.random.default_rng(seed)
    annotations = []
    for number in range(instances):
        parts = [_star(draw) for _ in range(1 + int(draw.random() < 0.1))]
        points = np.concatenate(parts)
        low, high = points.min(axis=0), points.max(axis=0)
        annotations.append(
            {
                "segmentation": [part.ravel().tolist() for part in parts],
                "area": float(np.prod(high - low)),
                "iscrowd": 0,
                "image_id": number // PER_IMAGE,
                "bbox": [*low.tolist(), *(high - low).tolist()],
                "category_id": 1,
                "id": number + 1,
            }
        )
    images = [
        {"id": number, "file_name": f"{number}.jpg", "width": WIDTH, "height": HEIGHT}
        for number in range(instances // PER_IMAGE + 1)
    ]
    categories = [{"id": 1, "name": "thing"}, {"id": 2, "name": "other"}]
    return {"images": images, "annotations": annotations, "categories": categories}


def _star(draw: np.random.Generator) -> np.ndarray:
    vertices = int(np.clip(draw.lognormal(3.1, 0.6), 4, 300))
    radius = np.clip(draw.lognormal(3.2, 0.9), 4, 220)
    angles = np.sort(draw.random(vertices)) * 2 * np.pi
    radii = radius * draw.uniform(0.6, 1.0, vertices)
    centre = draw.random(2) * (WIDTH, HEIGHT)
    points = centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.round(np.clip(points, 0, (WIDTH, HEIGHT)), 2)


def seconds(document: dict[str, Any], kind: str, parameters: dict[str, Any], workers: int) -> float:
    """Wall-clock time of a step that redraws every annotation, and of the check before it."""
    step = make_step(kind, classes=["thing", "other"], **{**parameters, "rate": 1.0})
    ((_, draws),) = steps_with_draws(NoiseSpec(steps=(step,), seed=0))
    start = time.perf_counter()
    check_steps((step,), document, AnnotationTable.of(document))
    NOISE_TYPES[kind].family.step(step, document, draws, largest_id=0, workers=workers)
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--instances", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parsed(parser, instances=5000, repeats=1)
    document = coco_like(options.instances)
    heads = ("s/1000, 1 process", "s/1000, 2 processes", "speed-up", "of linear")
    sys.stdout.write(f"{'type':<16}{'  '.join(heads)}\n")
    figures = []
    for kind, parameters in TYPES:
        # Alternating, so that a slow spell of the machine meets both.
        rounds = [
            [seconds(document, kind, parameters, workers) for workers in (1, 2)]
            for _ in range(options.repeats)
        ]
        one, two = (min(times) * 1000 / options.instances for times in zip(*rounds, strict=True))
        row = f"{kind:<16}{one:>17.3f}{two:>21.3f}{one / two:>10.2f}{one / two / 2:>11.0%}"
        sys.stdout.write(f"{row}\n")
        sys.stdout.flush()
        figures.append(
            Figure(
                what=f"{kind} noise for 1000 instances, two processes",
                figure=f"{two:.2f} s",
                ratio=2 * two / one,
                rival=f"half of what one process takes: {one / 2:.2f} s",
            )
        )
    write_figures(options.figures, figures)


if __name__ == "__main__":
    main()
