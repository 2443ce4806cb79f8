"""What a run costs before it is begun: iterations, hours and disk. Pure functions."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, NamedTuple

from noisyseg.bench.config.protocol import Protocol
from noisyseg.bench.runs.rehearsal import is_rehearsal
from noisyseg.bench.runs.run import STEP
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done
from noisyseg.results.records.usage import Usage

# Of a predictions file. Assumed, not measured: 100 detections of 100 compressed bytes.
PREDICTION_BYTES_PER_IMAGE = 10_000


class Measured(NamedTuple):
    """What some runs came to."""

    runs: int
    least: float
    middle: float
    most: float


@dataclass(kw_only=True, slots=True, frozen=True)
class Pace:
    """How fast runs go, and what else they take.

    Attributes:
        step: seconds of an optimizer step.
        per_image: seconds of prediction and evaluation for an image; None where unknown.
        source: where the two come from, in words.
        device: "cuda", "cpu", or "given".
        steps, images: the same two, as the single runs had them; None where given or unknown.
        device_hours: that a run holds devices; None where unknown, or without any.
        kilowatt_hours: that the devices use for a run; None where nothing counts them.
    """

    step: float
    per_image: float | None
    source: str
    device: str
    steps: Measured | None = None
    images: Measured | None = None
    device_hours: Measured | None = None
    kilowatt_hours: Measured | None = None

    def measured(self) -> dict[str, Any]:
        """What runs came to, as data; None for what is given or unknown."""
        names = ("steps", "images", "device_hours", "kilowatt_hours")
        found = {name: getattr(self, name) for name in names}
        return {name: one and one._asdict() for name, one in found.items()}


def train_iterations(images: int, protocol: Protocol) -> int:
    """Optimizer steps of a whole training on so many images."""
    return math.ceil(images / protocol["batch_size"]) * int(protocol["epochs"])


def hours(iterations: int, eval_images: int, pace: Pace) -> float:
    """Hours of a run; of its training alone where the pace of evaluation is unknown."""
    return (iterations * pace.step + eval_images * (pace.per_image or 0.0)) / 3600


def spread(iterations: int, eval_images: int, pace: Pace) -> tuple[float, float] | None:
    """Shares of `hours` that the fastest measured run and the slowest would take; None if one ran.

    Each of its parts is the fastest's in one run or another: the truth lies between.
    """
    middle = hours(iterations, eval_images, pace)
    if pace.steps is None or pace.steps.runs < 2 or not middle:
        return None
    images = pace.images or Measured(0, 0.0, 0.0, 0.0)
    fast, slow = (
        replace(pace, step=step, per_image=image)
        for step, image in ((pace.steps.least, images.least), (pace.steps.most, images.most))
    )
    least, most = (hours(iterations, eval_images, bound) / middle for bound in (fast, slow))
    return least, most


def measured_pace(
    records: Iterable[Record],
    *,
    model: str,
    protocol: Protocol,
    data: Mapping[str, Any] | None,
    eval_images: int,
    here: str | None = None,
) -> Pace | None:
    """The pace of finished runs, or else of full-size rehearsals, with this model and protocol.

    Of all that fit, those of one device are taken: the one that is here before others, a GPU before
    a CPU; then runs before rehearsals, and those on the same data before others.

    Args:
        records: of runs and of rehearsals.
        model: its name.
        protocol: the real one.
        data: as a run's key has it; evaluation is timed by runs on the same data alone.
        eval_images: how many these data have.
        here: the name of this machine's device.
    """
    groups: dict[_Kind, list[Record]] = {}
    for record in records:
        if _fits(record, model, protocol):
            groups.setdefault(_kind(record, data), []).append(record)
    if not groups:
        return None
    kind = min(groups, key=lambda kind: (kind.device != here, *kind[1:], -len(groups[kind]), kind))
    return _pace(kind, groups[kind], data_known=data is not None, eval_images=eval_images)


class _Kind(NamedTuple):
    """What a group of records has in common; the smaller the better."""

    device: str
    on_cpu: bool
    rehearsal: bool
    other_data: bool


def _kind(record: Record, data: Mapping[str, Any] | None) -> _Kind:
    on_cpu = record["environment"].get("device") != "cuda"
    usage = record.get("usage")
    named = None if usage is None else usage["device"]
    return _Kind(
        device=named or ("cpu" if on_cpu else "cuda"),
        on_cpu=on_cpu,
        rehearsal=is_rehearsal(record["spec"]["protocol"]),
        other_data=record["spec"]["data"] != data,
    )


def _pace(kind: _Kind, found: Sequence[Record], *, data_known: bool, eval_images: int) -> Pace:
    """By records of one kind; those on other data tell the seconds of a step alone."""
    steps = _measured(found, lambda record: record["timings"][STEP])
    assert steps is not None
    alike = not (kind.rehearsal or kind.other_data)
    images = None
    if alike and eval_images:
        images = _measured(found, lambda record: seconds_of_test(record) / eval_images)
    return Pace(
        step=steps.middle,
        per_image=None if images is None else images.middle,
        source=_source(kind, len(found), other_data=data_known and kind.other_data),
        device="cpu" if kind.on_cpu else "cuda",
        steps=steps,
        images=images,
        device_hours=_measured(found, _device_hours) if alike else None,
        kilowatt_hours=_measured(found, _kilowatt_hours) if alike else None,
    )


def _source(kind: _Kind, runs: int, *, other_data: bool) -> str:
    what = "rehearsal" if kind.rehearsal else "finished run"
    text = f"measured on {kind.device}, {runs} {what}{'' if runs == 1 else 's'}"
    text += " on other data" if other_data else ""
    return f"{text}, so roughly" if kind.rehearsal else text


def _measured(
    records: Iterable[Record], value: Callable[[Record], float | None]
) -> Measured | None:
    values = [one for one in map(value, records) if one is not None]
    if not values:
        return None
    return Measured(runs=len(values), least=min(values), middle=median(values), most=max(values))


def _device_hours(record: Record) -> float | None:
    usage = _whole_usage(record)
    return None if usage is None else usage["device_seconds"] / 3600 or None


def _kilowatt_hours(record: Record) -> float | None:
    usage = _whole_usage(record)
    joules = None if usage is None else usage["energy_joules"]
    return None if joules is None else joules / 3.6e6


def _whole_usage(record: Record) -> Usage | None:
    """What a run took, if that is all and no other run trained its first epochs."""
    usage = record.get("usage")
    if usage is None or not usage["complete"] or "branched_from" in record["lineage"]:
        return None
    return usage


def is_measure(record: Record) -> bool:
    """Whether a record tells the seconds of a step at full size."""
    rehearsal = record["spec"]["protocol"].get("rehearsal", {})
    return is_done(record) and STEP in record["timings"] and not rehearsal.get("shrunk", False)


def seconds_of_test(record: Record) -> float:
    """Of prediction and evaluation together; what was not timed counts as none."""
    return sum(record["timings"].get(stage, 0.0) for stage in ("prediction", "evaluation"))


def trained_whole(record: Record) -> bool:
    """Whether a run's last process did all of its training: its seconds are a whole one's then."""
    lineage = record["lineage"]
    earlier = ("resumed_from_epoch", "resumed_from_iteration", "branched_from")
    return isinstance(lineage, Mapping) and not any(lineage.get(name) for name in earlier)


def _fits(record: Record, model: str, protocol: Protocol) -> bool:
    spec = record["spec"]
    same = all(spec["protocol"].get(key) == protocol[key] for key in ("name", "version"))
    return is_measure(record) and same and spec["model"]["name"] == model


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
