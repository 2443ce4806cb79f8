"""What noisyseg's class loss costs beside mmdet's own: `python benchmarks/method_overhead.py`.

    python benchmarks/method_overhead.py                             minutes
    python benchmarks/method_overhead.py --model mask-rcnn-tiny      the model of the suite `quick`
    python benchmarks/method_overhead.py --steps 10                  a quick try

Three arms train one detector on `shapes` (on a GPU if there is one): mmdet's CrossEntropyLoss
untouched; noisyseg's adapter with `ce`; the same with the observer of real runs, which is told that
two labels in five are wrong, its report at the epoch's end included. A round is a step of each arm
on the same batch from the same weights and random state, in a drawn order, and one more of mmdet's
as the noise floor; the arms' losses must be equal. Loading is left out, which would dilute the
shares.

Beside it, far less noisy, the part of a step in which the arms differ: the box head from sampled
RoIs to the class loss's gradient, on recorded inputs. Exit status 1 if the whole 95 % interval of
either ratio lies above its bound.
"""

import argparse
import gc
import logging
import math
import sys
import tempfile
from pathlib import Path

import numpy as np
from figures import Figure, parsed, write_figures
from training_arms import ADAPTER, AGAIN, BATCHES, IMAGES, MMDET, OBSERVED, Training

from noisyseg.bench.config.protocol import load_protocol

BOUNDS = {ADAPTER: 0.02, OBSERVED: 0.05}
PROTOCOLS = {"mask-rcnn-tiny": "shapes-cpu", "mask-rcnn-mobilenetv2": "frozen-cpu"}
WARM_UP = 5
REPEATS = 10  # of the box head alone, for each round
REPORTS = 20
RESAMPLES = 4000

Seconds = dict[str, np.ndarray]


def step_seconds(training: Training, rounds: int, random: np.random.Generator) -> Seconds:
    """Seconds of each arm's steps, a round an entry.

    Raises:
        RuntimeError: the arms did not train alike.
    """
    seconds: dict[str, list[float]] = {name: [] for name in training.arms}
    for number in range(rounds):
        gc.collect()
        values = {}
        for name in random.permutation(list(training.arms)).tolist():
            taken, values[name] = training.step(name, number)
            seconds[name].append(taken)
        if any(found != values[MMDET] for found in values.values()):
            raise RuntimeError(f"the arms' losses differ in round {number}: {values}")
    return {name: np.array(taken) for name, taken in seconds.items()}


def head_seconds(training: Training, rounds: int, random: np.random.Generator) -> Seconds:
    """Seconds of each arm's box heads alone, a round an entry."""
    recorded = [training.recorded(number) for number in range(BATCHES)]
    seconds: dict[str, list[float]] = {name: [] for name in training.arms}
    for number in range(rounds):
        for name in random.permutation(list(training.arms)).tolist():
            seconds[name].append(training.head_seconds(name, *recorded[number % BATCHES]))
    return {name: np.array(taken) for name, taken in seconds.items()}


def median_interval(values: np.ndarray, random: np.random.Generator) -> tuple[float, float, float]:
    """The median and the bounds of its bootstrap 95 % interval."""
    drawn = [np.median(random.choice(values, len(values))) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(np.median(values)), float(low), float(high)


def run(training: Training, *, rounds: int, steps_per_epoch: int) -> list[Figure]:
    """Print the shares of a step and their bounds; those that have one."""
    random = np.random.default_rng(0)
    step_seconds(training, WARM_UP, random)
    gc.freeze()
    gc.disable()  # so that no collection falls into a step
    steps = step_seconds(training, rounds, random)
    report = (
        float(np.median([training.report_seconds(n) for n in range(REPORTS)])) / steps_per_epoch
    )
    heads = head_seconds(training, REPEATS * rounds, random)
    gc.enable()
    for seconds in (steps, heads):
        seconds[OBSERVED] = seconds[OBSERVED] + report
    step = float(np.median(steps[MMDET]))
    own, adapter, observed = (
        float(np.median(heads[name])) * 1000 for name in (MMDET, ADAPTER, OBSERVED)
    )
    write(f"{training.device.type}, {rounds} rounds; a step of mmdet's own: {step * 1000:.1f} ms")
    write(
        f"box head, targets and class loss: mmdet {own:.3f} ms, adapter {adapter:.3f} ms, observed "
        f"{observed:.3f} ms ({report * 1000:.3f} ms of it for the report after {steps_per_epoch} "
        "steps)"
    )
    write(f"\n{'ratio to mmdet':<24}{'whole step':<28}{'by the box head alone':<28}")
    figures = []
    for name in (AGAIN, ADAPTER, OBSERVED):
        whole = median_interval(steps[name] / steps[MMDET], random)
        alone = median_interval(1 + (heads[name] - heads[MMDET]) / step, random)
        bound = 1 + BOUNDS.get(name, math.inf)
        good = max(whole[1], alone[1]) <= bound
        verdict = f"{'kept' if good else 'MISSED'}: {bound:.2f}" if name in BOUNDS else ""
        write(f"{name:<24}{_shown(whole):<28}{_shown(alone):<28}{verdict}".rstrip())
        if name in BOUNDS:
            figures.append(
                Figure(
                    what=f"a training step, {name}",
                    figure=f"{1000 * step * alone[0]:.1f} ms",
                    ratio=alone[0],
                    rival=f"the same step with mmdet's own class loss: {1000 * step:.1f} ms",
                    kept=good,
                )
            )
    return figures


def _shown(ratio: tuple[float, float, float]) -> str:
    middle, low, high = ratio
    return f"{middle:.4f} [{low:.4f}, {high:.4f}]"


def write(line: str) -> None:
    """A line of the answer, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run with the command line's options; the exit status."""
    parser = argparse.ArgumentParser(description="What noisyseg's class loss costs beside mmdet's.")
    parser.add_argument("--model", choices=PROTOCOLS, default="mask-rcnn-mobilenetv2")
    parser.add_argument("--steps", type=int, default=200, help="of each arm")
    parser.add_argument("--batch", type=int, help="images of a step; default: the protocol's")
    options = parsed(parser, model="mask-rcnn-tiny", steps=20)
    logging.disable(logging.INFO)  # mmengine tells of every weight that it draws
    protocol = load_protocol(PROTOCOLS[options.model], where="")
    batch = options.batch or protocol["batch_size"]
    with tempfile.TemporaryDirectory() as folder:
        training = Training(options.model, protocol, batch, Path(folder))
        steps_per_epoch = math.ceil(IMAGES / batch)
        figures = run(training, rounds=options.steps, steps_per_epoch=steps_per_epoch)
    write_figures(options.figures, figures)
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
