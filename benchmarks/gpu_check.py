"""Does noisyseg train on this GPU, does it compute the same, how fast, and what waits?

    python benchmarks/gpu_check.py [--minutes 8] [--out FOLDER] [--data COCO_FOLDER]
    python benchmarks/gpu_check.py --sections training     mmdet's Runner beside it, some 7 minutes

Sections, each within its share of the time and each failing alone: versions; throughput of R50-FPN
at 1333 x 800: images/s, peak memory, the share of time in which the GPU works, waits of the host
for it; losses of `ce` and `lncis` on the GPU beside the CPU's; methods, every one on `smoke`; and,
where it is asked for, all of `benchmarks/training.py`. Without a GPU everything runs small on the
CPU, to try the script itself. Writes gpu.json after each section and, on a GPU, profile.txt and
training.json to --out. The figures so far are in `benchmarks/gpu.md`.
"""

import argparse
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

import noisyseg

# By the package's name: the script is also copied elsewhere, and run from the checkout's root.
from benchmarks.figures import Figure, parsed, write_figures
from benchmarks.gpu_smoke import each_method, same_losses
from benchmarks.listed_images import Images, drawn, listed, photographs
from noisyseg.bench.training.stack import load_stack
from noisyseg.methods.registry import METHODS

BATCHES = ((2, 2), (16, 2), (16, 16))  # batch, micro-batch: what a suite and a GPU's share may be
LONG = 480  # images an epoch: long enough for the start of the loader's workers not to count
PROFILED_STEPS = 6
RUNNER_SECONDS = 480  # more than `training` takes on an H100
BESIDE = Path(__file__).with_name("coco_sample")


class Enough(Exception):  # noqa: N818 (no error: the training has been seen long enough)
    """Ends a training."""


@dataclass(kw_only=True, slots=True, frozen=True)
class Place:
    """Where the check runs and how long it may.

    Attributes:
        device: "cuda" or "cpu".
        data: a COCO-format folder with `annotations/*train*.json` and `train2017/`; None: images of
            the built-in data set.
        out: folder of what is written.
        seconds: for everything together.
    """

    device: str
    data: Path | None
    out: Path
    seconds: float

    @property
    def small(self) -> bool:
        """Whether the script itself is all that is tried."""
        return self.device == "cpu"


def versions(place: Place) -> dict[str, Any]:
    """Card and packages."""
    load_stack()
    import mmcv
    import mmdet
    import torchvision

    packages = {module.__name__: module.__version__ for module in (torch, torchvision, mmdet, mmcv)}
    gpu = None if place.small else torch.cuda.get_device_name()
    return {"gpu": gpu, **packages, "python": sys.version.split()[0]}


def throughput(place: Place) -> dict[str, Any]:
    """Images/s of training at the paper's image size, for each way to make a batch."""
    found = {}
    for batch, micro in BATCHES[:1] if place.small else BATCHES:
        with tempfile.TemporaryDirectory() as folder:
            training = _training(place, Path(folder), batch, micro)
            found[f"batch {batch}, micro_batch {micro}"] = _speed(place, training, batch)
            if not place.small and batch == BATCHES[0][0]:
                found["profile of the first"] = _profile(place, training)
            del training
        if not place.small:
            torch.cuda.empty_cache()
    return found


def _training(place: Place, folder: Path, batch: int, micro: int) -> Any:
    from noisyseg.bench.config.model import load_model
    from noisyseg.bench.config.protocol import load_protocol
    from noisyseg.bench.training.box_heads import put_method
    from noisyseg.bench.training.detector import build_detector
    from noisyseg.bench.training.run_dataset import train_dataset
    from noisyseg.bench.training.training import Training
    from noisyseg.methods.registry import resolve

    name = "shapes-cpu" if place.small else "paper-coco-mmdet3"
    sizes = {"batch_size": batch, "micro_batch": micro, "epochs": 1000}
    protocol = {**load_protocol(name, where=""), **sizes}
    images = _images(place, folder)
    name = "mask-rcnn-tiny" if place.small else "mask-rcnn-r50-fpn"
    model = load_model(name, where="", root=Path(), random_weights=True)
    detector = build_detector(model.detector, num_classes=len(images.classes), seed=0, weights=None)
    return Training(
        key="0" * 16,
        detector=detector,
        class_losses=put_method(detector, resolve("ce", {}), num_epochs=1000, at_work=True),
        dataset=train_dataset(
            images.annotations,
            images.folder,
            classes=images.classes,
            image=protocol["image"],
            train_seed=0,
        ),
        protocol=protocol,
        train_seed=0,
        device=torch.device(place.device),
        checkpoint=folder / "last.pth",
        workers=0 if place.small else 8,
    )


def _images(place: Place, folder: Path) -> Images:
    """Photographs or drawn images, in an epoch that is long enough."""
    if place.data is None:
        source = drawn(folder, 96 if place.small else 512)
    else:
        source = photographs(place.data)
    return listed(source, 16 if place.small else LONG, folder / "train.json")


def _speed(place: Place, training: Any, batch: int) -> dict[str, float]:
    times: list[float] = []
    limit = time.perf_counter() + place.seconds / 10

    def on_iteration(*_: Any) -> None:
        times.append(time.perf_counter())
        if (len(times) > 6 and times[-1] > limit) or (place.small and len(times) > 2):
            raise Enough

    if not place.small:
        torch.cuda.reset_peak_memory_stats()
    _train_until_enough(training, on_iteration)
    steps = [later - earlier for earlier, later in pairwise(times)]
    steps = steps[len(steps) // 3 :]  # the first warm up
    found = {
        "images_per_s_median_step": round(batch / statistics.median(steps), 2),
        "images_per_s_with_loading": round(batch * len(steps) / sum(steps), 2),
    }
    if not place.small:
        found["peak_GiB"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
    return found


def _train_until_enough(training: Any, on_iteration: Callable[..., None]) -> None:
    from noisyseg.bench.training.loop import train

    def nothing(*_: Any) -> None:
        """Nobody is told."""

    with suppress(Enough):
        train(training, on_start=nothing, on_epoch=nothing, on_iteration=on_iteration)


def _profile(place: Place, training: Any) -> dict[str, float]:
    """The share of time in which kernels run, waits of the host a step; a table of operators."""
    from torch.profiler import ProfilerActivity, profile

    count = 0

    def on_iteration(*_: Any) -> None:
        nonlocal count
        count += 1
        if count == PROFILED_STEPS:
            raise Enough

    activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA]
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as caught, profile(activities=activities) as seen:
        warnings.simplefilter("always")
        began = time.perf_counter()
        _train_until_enough(training, on_iteration)
        torch.cuda.synchronize()
        wall = time.perf_counter() - began
    torch.cuda.set_sync_debug_mode("default")
    rows = seen.key_averages()
    kernels = sum(getattr(row, "self_device_time_total", 0) for row in rows) / 1e6
    tables = [
        rows.table(sort_by=f"self_{where}_time_total", row_limit=40, max_name_column_width=70)
        for where in ("cuda", "cpu")
    ]
    (place.out / "profile.txt").write_text("\n\n".join(tables))
    waits = sum("synchroniz" in str(warning.message) for warning in caught)
    return {
        "kernel_share_of_wall": round(kernels / wall, 3),
        "sync_warnings_a_step": round(waits / count, 1),
    }


def losses(place: Place) -> dict[str, dict[str, float]]:
    """The first epoch's, beside the CPU's."""
    return same_losses(place.device)


def methods(place: Place) -> dict[str, str]:
    """Every one on `smoke`."""
    names = ["ce"] if place.small else list(METHODS)
    return each_method(place.device, names, place.seconds / 2)


def beside_the_runner(place: Place) -> dict[str, Any]:
    """What `benchmarks/training.py` says, in a process that gives its memory back."""
    if place.small:
        return {"left out": "on a CPU, python benchmarks/training.py --short"}
    script = Path(noisyseg.__file__).parents[1] / "benchmarks" / "training.py"
    figures = place.out / "training.json"
    command = [sys.executable, str(script), "--json", str(figures)]
    command += ["--data", str(place.data)] if place.data else []
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        # Lines as they come: a caller's own limit may end this before the script's end.
        timer = threading.Timer(RUNNER_SECONDS, process.kill)
        timer.start()
        for line in process.stdout or ():
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line)
        timer.cancel()
    return {"verdict": lines[-1].strip() if lines else None, "status": process.returncode}


SECTIONS: dict[str, Callable[[Place], Any]] = {
    "versions": versions,
    "throughput": throughput,
    "losses": losses,
    "methods": methods,
    "training": beside_the_runner,
}
USUAL = ("versions", "throughput", "losses", "methods")


def report(place: Place, sections: Sequence[str]) -> dict[str, Any]:
    """The sections' findings, or why each failed; kept in a file as they come."""
    found: dict[str, Any] = {}
    for name in sections:
        began = time.perf_counter()
        try:
            found[name] = SECTIONS[name](place)
        except Exception as error:  # noqa: BLE001 (each section fails alone)
            traceback.print_exc()
            found[name] = {"error": f"{type(error).__name__}: {error}"}
        taken = time.perf_counter() - began
        sys.stdout.write(f"[{name}] {taken:.0f} s: {json.dumps(found[name])}\n")
        sys.stdout.flush()
        (place.out / "gpu.json").write_text(json.dumps(found, indent=1))
    return found


def figures(speeds: dict[str, Any]) -> list[Figure]:
    """What loading costs each way to make a batch."""
    return [
        Figure(
            what=f"training on a GPU, loading counted, {name}",
            figure=f"{speed['images_per_s_with_loading']:.1f} images/s",
            ratio=speed["images_per_s_median_step"] / speed["images_per_s_with_loading"],
            rival=f"the median step alone: {speed['images_per_s_median_step']:.1f} images/s",
        )
        for name, speed in speeds.items()
        if name.startswith("batch")
    ]


def main() -> int:
    """Run the sections; 1 if one failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--data", type=Path, default=BESIDE if BESIDE.is_dir() else None)
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=USUAL, metavar="NAME")
    options = parsed(parser, minutes=2, sections=["throughput"])
    options.out.mkdir(parents=True, exist_ok=True)
    logging.disable(logging.WARNING)
    place = Place(
        device="cuda" if torch.cuda.is_available() else "cpu",
        data=options.data,
        out=options.out,
        seconds=options.minutes * 60,
    )
    found = report(place, options.sections)
    write_figures(options.figures, figures(found.get("throughput", {})))
    failed = [name for name, values in found.items() if "error" in values]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
