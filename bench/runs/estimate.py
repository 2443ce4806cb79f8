"""What a run costs before it is begun: iterations, hours and disk. Pure functions."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from noisyseg.bench.config.protocol import Protocol
from noisyseg.bench.runs.rehearsal import is_rehearsal
from noisyseg.bench.runs.run import STEP
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done

# Of a predictions file. Assumed, not measured: 100 detections of 100 compressed bytes.
PREDICTION_BYTES_PER_IMAGE = 10_000


@dataclass(kw_only=True, slots=True, frozen=True)
class Pace:
    """How fast runs go.

    Attributes:
        step: seconds of an optimizer step.
        per_image: seconds of prediction and evaluation for an image; None where unknown.
        source: where the two come from, in words.
        device: "cuda", "cpu", or "given".
    """

    step: float
    per_image: float | None
    source: str
    device: str


def train_iterations(images: int, protocol: Protocol) -> int:
    """Optimizer steps of a whole training on so many images."""
    return math.ceil(images / protocol["batch_size"]) * int(protocol["epochs"])


def hours(iterations: int, eval_images: int, pace: Pace) -> float:
    """Hours of a run; of its training alone where the pace of evaluation is unknown."""
    return (iterations * pace.step + eval_images * (pace.per_image or 0.0)) / 3600


def measured_pace(
    records: Iterable[Record],
    *,
    model: str,
    protocol: Protocol,
    data: Mapping[str, Any] | None,
    eval_images: int,
) -> Pace | None:
    """The pace of finished runs, or else of full-size rehearsals, with this model and protocol.

    Runs on a GPU go before runs on a CPU.

    Args:
        records: of runs and of rehearsals.
        model: its name.
        protocol: the real one.
        data: as a run's key has it; evaluation is timed by runs on the same data alone.
        eval_images: how many these data have.
    """
    groups: dict[tuple[bool, bool], list[Record]] = {}
    for record in records:
        if _fits(record, model, protocol):
            rehearsal = is_rehearsal(record["spec"]["protocol"])
            on_cpu = record["environment"].get("device") != "cuda"
            groups.setdefault((on_cpu, rehearsal), []).append(record)
    if not groups:
        return None
    (on_cpu, rehearsal), found = min(groups.items(), key=lambda entry: entry[0])
    device = "cpu" if on_cpu else "cuda"
    kind = "rehearsals, so roughly" if rehearsal else "finished runs"
    return Pace(
        step=median(record["timings"][STEP] for record in found),
        per_image=None if rehearsal else _per_image(found, data, eval_images),
        source=f"measured on {device}, {len(found)} {kind}",
        device=device,
    )


def is_measure(record: Record) -> bool:
    """Whether a record tells the seconds of a step at full size."""
    rehearsal = record["spec"]["protocol"].get("rehearsal", {})
    return is_done(record) and STEP in record["timings"] and not rehearsal.get("shrunk", False)


def trained_whole(record: Record) -> bool:
    """Whether a run's last process did all of its training: its seconds are a whole one's then."""
    lineage = record["lineage"]
    earlier = ("resumed_from_epoch", "resumed_from_iteration", "branched_from")
    return isinstance(lineage, Mapping) and not any(lineage.get(name) for name in earlier)


def _fits(record: Record, model: str, protocol: Protocol) -> bool:
    spec = record["spec"]
    same = all(spec["protocol"].get(key) == protocol[key] for key in ("name", "version"))
    return is_measure(record) and same and spec["model"]["name"] == model


def _per_image(
    records: Iterable[Record], data: Mapping[str, Any] | None, eval_images: int
) -> float | None:
    seconds = [
        sum(record["timings"].get(stage, 0.0) for stage in ("prediction", "evaluation"))
        for record in records
        if record["spec"]["data"] == data
    ]
    return median(seconds) / eval_images if seconds and eval_images else None


def disk_bytes(
    *, runs: int, checkpoint: int, eval_images: int, noisy_files: int, annotations: int
) -> Mapping[str, int]:
    """Bytes that runs leave, by what they are.

    Args:
        runs: to train.
        checkpoint: bytes of one.
        eval_images: of a run.
        noisy_files: how many annotation files noise makes.
        annotations: bytes of the clean one.
    """
    return {
        "checkpoints": runs * checkpoint,
        "predictions": runs * eval_images * PREDICTION_BYTES_PER_IMAGE,
        "annotation files": (noisy_files + 1) * annotations,
    }


def readable_bytes(count: float) -> str:
    """42.0 GB, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
