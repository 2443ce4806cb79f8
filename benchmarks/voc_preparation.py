"""How fast VOC's own masks become a COCO-format file, and in how much memory.

    python benchmarks/voc_preparation.py [--images 2000] [--workers 2]

Makes a VOC layout of 500 × 375 images with three or four instances each, prepares it with `seg`
masks at a quarter, half and all of the images, and prints images a second beside a bound: the same
processes do nothing but decode the two PNGs of each image. Linear means that the last column stays
near 1; flat memory, that the peak does not grow with the images.
"""

import argparse
import importlib.util
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figure, parsed, write_figures

from noisyseg.bench.datasets.converted import convert_all
from noisyseg.bench.datasets.data_format import DataOptions
from noisyseg.bench.datasets.formats.voc2012 import VOC2012, voc_tasks
from noisyseg.bench.datasets.named_data import named_data
from noisyseg.bench.datasets.raw_files import palette_image
from noisyseg.bench.datasets.voc_image import VocTask

HEIGHT, WIDTH = 375, 500
_TEMPLATES = 40  # different pictures; a layout holds each of them many times


def main() -> None:
    """Make the layout, time it, print the table."""
    parser = argparse.ArgumentParser(description="VOC preparation: images a second, memory")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", type=Path, help=argparse.SUPPRESS)
    given = parsed(parser, images=400)
    if given.only is not None:
        _measure(given.only, given.workers)
        return
    counts = [given.images // 4, given.images // 2, given.images]
    sys.stdout.write(
        f"{'images':>7} {'images/s':>9} {'decoding only':>14} {'share':>6} {'peak MiB':>9} "
        f"{'linear':>7}\n"
    )
    first = None
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            root = Path(folder) / str(count)
            make_layout(root, count)
            command = [
                sys.executable,
                __file__,
                "--only",
                str(root),
                "--workers",
                str(given.workers),
            ]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            rate, bound, peak = map(float, output.split())
            first = first or rate
            sys.stdout.write(
                f"{count:7d} {rate:9.0f} {bound:14.0f} {rate / bound:6.2f} {peak:9.0f} "
                f"{rate / first:7.2f}\n"
            )
    figure = Figure(
        what=f"VOC's own masks of {count} images prepared, {given.workers} processes",
        figure=f"{rate:.0f} images/s",
        ratio=bound / rate,
        rival=f"decoding the two PNGs of each alone: {bound:.0f} images/s",
    )
    write_figures(given.figures, [figure])


def _measure(root: Path, workers: int) -> None:
    """One preparation in a process of its own, so that the peak is its own."""
    began = time.perf_counter()
    options = DataOptions(cache=root, masks="seg", allow_partial=True)
    ready = named_data(VOC2012, root, options).make(workers=workers)
    rate = sum(count["images"] for count in ready.counts.values()) / (time.perf_counter() - began)
    own, children = (
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    tasks = [
        task
        for split in ("train", "val")
        for task in voc_tasks(root / "VOCdevkit" / "VOC2012", None, masks="seg", split=split)
    ]
    began = time.perf_counter()
    done = sum(convert_all(_decode, tasks, workers=workers, progress=lambda _: None))
    bound = done / (time.perf_counter() - began)
    # The largest child stands for each of them.
    sys.stdout.write(f"{rate} {bound} {(own + workers * children) / 1024}\n")


def _decode(task: VocTask) -> int:
    for folder in ("SegmentationObject", "SegmentationClass"):
        palette_image(task.voc / folder / f"{task.name}.png")
    return 1


def make_layout(root: Path, count: int) -> None:
    """A VOC layout of so many images, half of them of `train`."""
    fixtures = _fixtures()
    voc = root / "VOCdevkit" / "VOC2012"
    for folder in ("JPEGImages", "Annotations", "SegmentationClass", "SegmentationObject"):
        (voc / folder).mkdir(parents=True)
    (voc / "ImageSets" / "Segmentation").mkdir(parents=True)
    random = np.random.RandomState(0)
    groups = fixtures.rounds(fixtures.VOC_CLASSES, 5)
    templates: list[Path] = []
    names = [f"2007_{number:06d}" for number in range(count)]
    for number, name in enumerate(names):
        if number < _TEMPLATES:
            instances = _large_scene(fixtures, random, next(groups))
            picture = fixtures.picture(random, instances, (HEIGHT, WIDTH))
            picture.save(voc / "JPEGImages" / f"{name}.jpg", quality=90)
            (voc / "Annotations" / f"{name}.xml").write_text(fixtures.voc_xml(name, instances))
            fixtures.write_voc_masks(voc, name, instances)
            templates.append(Path(name))
        else:
            _copy(voc, str(templates[number % _TEMPLATES]), name)
    for split, listed in (("train", names[: count // 2]), ("val", names[count // 2 :])):
        text = "".join(f"{name}\n" for name in listed)
        (voc / "ImageSets" / "Segmentation" / f"{split}.txt").write_text(text)


def _large_scene(fixtures: Any, random: np.random.RandomState, names: list[str]) -> list[Any]:
    """A scene of the fixtures at five times its size, cut to VOC's usual one."""
    enlarge = partial(np.kron, b=np.ones((5, 5), bool))
    instances = []
    for drawn in fixtures.scene(random, names, 75, 100):
        mask = enlarge(drawn.mask)[:HEIGHT, :WIDTH]
        instances.append(fixtures.Drawn(name=drawn.name, mask=mask, difficult=drawn.difficult))
    return instances


def _copy(voc: Path, source: str, target: str) -> None:
    for folder, suffix in (
        ("JPEGImages", "jpg"),
        ("Annotations", "xml"),
        ("SegmentationClass", "png"),
        ("SegmentationObject", "png"),
    ):
        content = (voc / folder / f"{source}.{suffix}").read_bytes()
        (voc / folder / f"{target}.{suffix}").write_bytes(content)


def _fixtures() -> Any:
    path = Path(__file__).parents[1] / "tools" / "make_fixtures.py"
    spec = importlib.util.spec_from_file_location("make_fixtures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_fixtures"] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
