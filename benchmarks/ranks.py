"""One run on one device and on two: `python benchmarks/ranks.py`.

    python benchmarks/ranks.py            two GPUs: R50-FPN; else two CPU workers: mask-rcnn-tiny
    python benchmarks/ranks.py --steps 4  fewer steps a turn

The same training, by turns with one rank and with two, a process and a device each: optimizer steps
of 16 images in passes of 8 (on a CPU of 4 and 2), images loaded and gradients exchanged. Printed
are the images/s of each turn's median step, and their ratio, the median turn's. Two workers share
the CPU's cores with whatever else runs: look at the load first.
"""

import argparse
import logging
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import torch
from figures import Figure, parsed, write_figures
from listed_images import drawn, drawn_like_photographs, listed
from training_sides import Enough, Work

from noisyseg.bench.config.model import load_model
from noisyseg.bench.config.protocol import load_protocol
from noisyseg.bench.training.box_heads import put_method
from noisyseg.bench.training.detector import build_detector
from noisyseg.bench.training.loop import train
from noisyseg.bench.training.ranks import Ranks, joined
from noisyseg.bench.training.run_dataset import train_dataset
from noisyseg.bench.training.training import Training
from noisyseg.methods.registry import resolve

WARM = 3  # steps
TURNS = 3


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=30, help="measured steps a turn")
    parser.add_argument("--turns", type=int, default=TURNS)
    options = parsed(parser, steps=8, turns=1)
    steps = options.steps
    on_gpus = torch.cuda.device_count() > 1
    with tempfile.TemporaryDirectory() as folder:
        work = gpu_work(Path(folder)) if on_gpus else cpu_work(Path(folder))
        turns = [
            [measured(work, count, steps, Path(folder)) for count in (1, 2)]
            for _ in range(options.turns)
        ]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    where = torch.cuda.get_device_name(0) if on_gpus else f"CPU, {os.cpu_count()} cores"
    sys.stdout.write(f"{where}, load {load}\n| ranks | images/s a turn |\n|:---|:---|\n")
    for place, count in enumerate((1, 2)):
        speeds = ", ".join(f"{turn[place]:.1f}" for turn in turns)
        sys.stdout.write(f"| {count} | {speeds} |\n")
    ratio = statistics.median(two / one for one, two in turns)
    sys.stdout.write(f"two ranks: {ratio:.2f} times one rank's images/s\n")
    speed = statistics.median(two for _, two in turns)
    figure = Figure(
        what=f"training on two {'GPUs' if on_gpus else 'CPU workers'}",
        figure=f"{speed:.1f} images/s",
        ratio=2 / ratio,
        rival=f"linear, twice the speed of one: {2 * speed / ratio:.1f} images/s",
    )
    write_figures(options.figures, [figure])
    return 0


def cpu_work(folder: Path) -> Work:
    """The suite `quick`'s model and protocol, its batch in two passes."""
    protocol = {**load_protocol("shapes-cpu", where=""), "micro_batch": 2}
    images = listed(drawn(folder, 96), 4 * 1000, folder / "listed.json")
    detector = load_model("mask-rcnn-tiny", where="", root=Path()).detector
    return Work(detector=detector, protocol=protocol, images=images, device="cpu", workers=0)


def gpu_work(folder: Path) -> Work:
    """R50-FPN by the paper's protocol for COCO, on images as large as photographs."""
    protocol = {**load_protocol("paper-coco-fast", where=""), "batch_size": 16, "micro_batch": 8}
    images = listed(drawn_like_photographs(folder), 16 * 1000, folder / "listed.json")
    detector = load_model("mask-rcnn-r50-fpn", where="", root=Path(), random_weights=True).detector
    return Work(detector=detector, protocol=protocol, images=images, device="cuda", workers=6)


def measured(work: Work, count: int, steps: int, folder: Path) -> float:
    """Images/s of the median step of a training by so many ranks."""
    spawning = multiprocessing.get_context("spawn")
    meeting = f"file://{tempfile.mktemp(dir=folder)}"
    here, there = spawning.Pipe(duplex=False)
    processes = [
        spawning.Process(target=rank, args=(work, number, count, steps, meeting, there))
        for number in range(count)
    ]
    for process in processes:
        process.start()
    there.close()
    seconds = here.recv()
    for process in processes:
        process.join()
    return int(work.protocol["batch_size"]) / statistics.median(seconds)


def rank(work: Work, number: int, count: int, steps: int, meeting: str, outcome: object) -> None:
    """One rank's process; the first sends the seconds of its steps."""
    logging.disable(logging.WARNING)  # mmengine tells of every weight
    torch.set_num_threads(1)
    device = torch.device(work.device, number) if work.device == "cuda" else torch.device("cpu")
    if work.device == "cuda":
        torch.cuda.set_device(device)
    with joined(rank=number, count=count, meeting=meeting, device=device) as ranks:
        seconds = step_seconds(work, ranks, device, WARM + steps)
    if ranks.is_first:
        outcome.send(seconds[WARM:])  # type: ignore[attr-defined]


def step_seconds(work: Work, ranks: Ranks, device: torch.device, steps: int) -> list[float]:
    """Train so many steps; how long each took."""
    seconds: list[float] = []
    began = time.perf_counter()

    def on_iteration(done: float, loss: float) -> None:
        nonlocal began
        seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
        if len(seconds) == steps:
            raise Enough

    classes = work.images.classes
    detector = build_detector(work.detector, num_classes=len(classes), seed=0, weights=None)
    with tempfile.TemporaryDirectory() as folder, suppress(Enough):
        training = Training(
            key="0" * 16,
            detector=detector,
            class_losses=put_method(detector, resolve("ce", {}), num_epochs=1, at_work=True),
            dataset=train_dataset(
                work.images.annotations,
                work.images.folder,
                classes=classes,
                image=work.protocol["image"],
                train_seed=0,
            ),
            protocol=work.protocol,
            train_seed=0,
            device=device,
            checkpoint=Path(folder) / "last.pth",
            workers=work.workers,
            ranks=ranks,
        )
        train(training, on_start=int, on_epoch=dict, on_iteration=on_iteration)
    return seconds


if __name__ == "__main__":
    raise SystemExit(main())
