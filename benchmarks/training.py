"""noisyseg's training beside mmdet's own Runner: `python benchmarks/training.py`.

    python benchmarks/training.py                       on a GPU: R50-FPN at 1333 x 800, 5 minutes
    python benchmarks/training.py --data coco_sample    photographs instead of drawn images
    python benchmarks/training.py --short               mask-rcnn-tiny on drawn images, any device

Both train the same configuration from the same weights on the same images, each in a process of its
own, by turns in blocks: images/s with loading, the median block's. Beside it, what they ask of
PyTorch: operators, and operations that make the CPU wait for a GPU, which are counted on any device
(`host_waits`). That both do the same work shows in the first step's sizes and losses; they draw
their samples of anchors and RoIs differently, so that losses are alike, not equal. On a GPU also
its utilisation and peak memory, the protocol's variant `fast` beside the Runner as it is, and
evaluation. On a CPU times are the process's own, which other programs disturb less.

Exit status 1 if a bound is missed: 1.02 of the Runner's time, its waits, a third of the operators
that a pass of 16 images took at first, and on a GPU twice the Runner's images/s for `fast`.
"""

import argparse
import json
import logging
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from figures import parsed, write_figures
from listed_images import Images, drawn, drawn_like_photographs, listed, photographs
from prediction_speed import images_per_second
from training_process import Side
from training_report import as_figures, print_case, print_first, print_pass, verdict, write
from training_sides import OURS, RUNNERS, SIDES, Work

from noisyseg.bench.config.model import load_model
from noisyseg.bench.config.protocol import load_protocol
from noisyseg.errors import InputError

COUNTED_STEPS = 4
GPU_WORKERS = 8
EPOCH = 4800  # images: long enough for none to begin in a block


@dataclass(kw_only=True, slots=True, frozen=True)
class Case:
    """What is compared: a work for each side, rounds and images of a block."""

    name: str
    works: dict[str, Work]
    rounds: int
    block: int


Found = dict[str, Any]


def compared(case: Case, sides: Mapping[str, Side]) -> Found:
    """Train by turns; each side's figures by name."""
    found: Found = {name: {} for name in sides}
    for name, side in sides.items():
        side.open(case.works[name])
        side.order("time", 2 * _batch(case.works[name]))
    blocks: dict[str, list[Found]] = {name: [] for name in sides}
    for _ in range(case.rounds):
        for name, side in sides.items():
            side.order("time", _loaded_before(case.works[name]))
            blocks[name].append(side.order("time", case.block))
    for name, side in sides.items():
        cuda = case.works[name].device == "cuda"
        found[name] = _speed(blocks[name], "seconds" if cuda else "cpu_seconds")
        if cuda:
            side.order("time", _loaded_before(case.works[name]))
            found[name] |= side.order("profile", case.block)
        side.close()
    pairs = zip(*(found[name]["seconds an image"] for name in (OURS, RUNNERS)), strict=True)
    found["time, ratio"] = statistics.median(ours / theirs for ours, theirs in pairs)
    return found | {"a batch": {name: _counts(case.works[name], sides[name]) for name in sides}}


def _speed(blocks: list[Found], clock: str) -> Found:
    seconds = [block[clock] / block["images"] for block in blocks]
    return {"images/s": 1 / statistics.median(seconds), "seconds an image": seconds}


def _counts(work: Work, side: Side) -> Found:
    """Operators and waits a batch; images are loaded elsewhere, as it is for a GPU."""
    side.open(replace(work, workers=max(1, work.workers)))
    side.order("time", 2 * _batch(work))
    counted = side.order("count", COUNTED_STEPS * _batch(work))
    side.close()
    return {
        what: {name: count / COUNTED_STEPS for name, count in counted[what].items()}
        for what in ("calls", "waits")
    }


def _batch(work: Work) -> int:
    return int(work.protocol["batch_size"])


def _loaded_before(work: Work) -> int:
    """Images that loader processes have ready when a side's turn begins, rounded up to steps."""
    ready = 2 * work.workers * work.protocol["micro_batch"]
    return max(1, -(-ready // _batch(work))) * _batch(work)


def same_work(work: Work, sides: Mapping[str, Side], folder: Path) -> Found:
    """The first step's sizes and losses on one batch, which is not flipped."""
    batch = listed(work.images, _batch(work), folder / "batch.json")
    image = {**work.protocol["image"], "flip": 0.0}
    protocol = {**work.protocol, "image": image, "micro_batch": _batch(work)}
    first = replace(work, images=batch, protocol=protocol)
    return {name: side.whole("first step", first) for name, side in sides.items()}


def pass_of_16(images: Images, sides: Mapping[str, Side]) -> Found:
    """Operators and waits from 16 small images to their losses, R50-FPN on the CPU."""
    protocol: dict[str, Any] = dict(load_protocol("frozen-cpu", where=""))
    protocol |= {"batch_size": 16, "micro_batch": 16}
    work = Work(detector=_r50(), protocol=protocol, images=images, device="cpu", workers=0)
    return {name: side.whole("forward", work) for name, side in sides.items()}


def _r50() -> dict[str, Any]:
    return _detector("mask-rcnn-r50-fpn")


def _detector(name: str) -> dict[str, Any]:
    return load_model(name, where="", root=Path(), random_weights=True).detector


def short_case(device: str, folder: Path, rounds: int) -> Case:
    """The suite `quick`'s model and protocol."""
    work = Work(
        detector=_detector("mask-rcnn-tiny"),
        protocol=dict(load_protocol("shapes-cpu", where="")),
        images=listed(drawn(folder, 96), EPOCH, folder / "listed.json"),
        device=device,
        workers=0 if device == "cpu" else GPU_WORKERS,
    )
    return Case(name="quick", works=dict.fromkeys(SIDES, work), rounds=rounds, block=48)


def gpu_cases(data: Path | None, folder: Path, rounds: int) -> list[Case]:
    """The paper's protocol for COCO by today's mmdet; its fast variant beside the Runner as is."""
    source = photographs(data) if data else drawn_like_photographs(folder)
    work = Work(
        detector=_r50(),
        protocol=dict(load_protocol("paper-coco-mmdet3", where="")),
        images=listed(source, EPOCH, folder / "listed.json"),
        device="cuda",
        workers=GPU_WORKERS,
    )
    works = dict.fromkeys(SIDES, work)
    cases = [Case(name="mmdet3", works=works, rounds=rounds, block=96)]
    try:
        fast = replace(work, protocol=dict(load_protocol("paper-coco-fast", where="")))
    except InputError:
        return cases
    return [*cases, Case(name="fast", works={**works, OURS: fast}, rounds=rounds, block=128)]


def measured(cases: list[Case], folder: Path, keep: Callable[[Found], None]) -> Found:
    """Every case's figures, printed and kept as they come."""
    sides = {name: Side(name, 1 if cases[0].works[name].device == "cpu" else 4) for name in SIDES}
    try:
        first = same_work(cases[0].works[OURS], sides, folder)
        print_first(first)
        found: Found = {"first step": first, "cases": {}}
        for case in cases:
            found["cases"][case.name] = compared(case, sides)
            print_case(case.name, found["cases"][case.name])
            keep(found)
        small = listed(drawn(folder, 128), 16, folder / "sixteen.json")
        found["pass of 16"] = pass_of_16(small, sides)
        print_pass(found["pass of 16"])
    finally:
        for side in sides.values():
            side.end()
    return found


def main() -> int:
    """Run with the command line's options; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="COCO-format folder; default: drawn images")
    parser.add_argument("--rounds", type=int, default=3, help="blocks of each side")
    parser.add_argument("--json", type=Path, help="where the figures are written, too")
    options = parsed(parser)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not options.short:
        parser.error("no GPU here, and R50-FPN at 1333 x 800 would take hours: add --short")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = (
            [short_case(device, folder, options.rounds)]
            if options.short
            else gpu_cases(options.data, folder, options.rounds)
        )

        def keep(found: Found) -> None:
            if options.json:
                options.json.write_text(json.dumps(found, indent=1))

        found = measured(cases, folder, keep)
        work = cases[-1].works[OURS]
        found["evaluation, images/s"] = images_per_second(work)
        write(f"\nevaluation: {found['evaluation, images/s']:.1f} images/s, 100 masks each")
        keep(found)
    write_figures(options.figures, as_figures(found))
    line, kept = verdict(found)
    write(f"\n{device}: {line}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
