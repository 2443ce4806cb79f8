"""How long runs will take, by what runs of their kind took: so that the longest can begin first."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from noisyseg.bench.datasets.checked_annotations import written_before
from noisyseg.bench.runs.estimate import (
    is_measure,
    seconds_of_test,
    train_iterations,
    trained_whole,
)
from noisyseg.bench.runs.rehearsal import FOLDER, image_limits, is_rehearsal
from noisyseg.bench.runs.run import STEP, Run
from noisyseg.files import sorted_json
from noisyseg.results.records.record import Record, RunSpec
from noisyseg.results.records.store import RunStore, is_done


class Durations:
    """Seconds that runs will take, as finished ones of their kind did.

    All by runs on one kind of device: a CPU's seconds would put a run before all of a GPU's.

    Args:
        records: of runs and of rehearsals; those that failed say nothing.
        device: "cuda" or "cpu", where runs are to begin; the other counts if nothing has run there.
    """

    def __init__(self, records: Iterable[Record], *, device: str) -> None:
        kinds: dict[str, dict[Hashable, list[float]]] = {"cuda": {}, "cpu": {}}
        for record in records:
            if is_done(record):
                kind = "cuda" if record["environment"].get("device") == "cuda" else "cpu"
                for fact, seconds in _facts(record):
                    kinds[kind].setdefault(fact, []).append(seconds)
        other = "cpu" if device == "cuda" else "cuda"
        measured = kinds[device] or kinds[other]
        self._seconds = {fact: median(seconds) for fact, seconds in measured.items()}
        self._images: dict[Hashable, int | None] = {}
        self._texts: dict[int, tuple[Any, bytes]] = {}

    @classmethod
    def of(cls, store: RunStore, *, device: str) -> "Durations":
        """By what the records of a store tell, and those of its rehearsals."""
        stores = (store, RunStore(store.root / FOLDER))
        records = chain.from_iterable(one.records_in(one.run_folders(), []) for one in stores)
        return cls(records, device=device)

    def seconds(self, run: Run) -> float | None:
        """Of training, prediction and evaluation; None where nothing tells.

        As in finished runs of the same method, data, protocol and model; else by the seconds of a
        step with that protocol and model, of the same method if it has been run.
        """
        text = {part: self._text(run.spec[part]) for part in _DECIDING}  # type: ignore[literal-required]
        training = self._seconds.get(_training(text), self._by_steps(run))
        if training is None:
            return None
        return training * _own_share(run) + self._seconds.get(_test(text), 0.0)

    def _by_steps(self, run: Run) -> float | None:
        known = (self._seconds.get(fact) for fact in _steps(run.spec))
        step = next((seconds for seconds in known if seconds is not None), None)
        images = None if step is None else self._train_images(run)
        protocol: Any = run.spec["protocol"]
        return step * train_iterations(images, protocol) if step and images else None

    def _train_images(self, run: Run) -> int | None:
        """How many there are before noise, which may take some away; None if none were noted."""
        protocol = run.spec["protocol"]
        least, limit = protocol["image"]["min_size"], image_limits(protocol)[0]
        folder = run.eval_annotations.parent  # of both prepared files, and of the note on them
        if (folder, least) not in self._images:
            self._images[folder, least] = _noted_images(folder, least)
        images = self._images[folder, least]
        return images if images is None or limit is None else min(images, limit)

    def _text(self, part: Any) -> bytes:
        """A part of a spec as text; runs of a suite share the very object."""
        known = self._texts.get(id(part))
        if known is None:
            # The part is kept, so that its id stays its own.
            known = self._texts[id(part)] = (part, sorted_json(part))
        return known[1]


_DECIDING = ("method", "data", "protocol", "model")


def _facts(record: Record) -> Iterator[tuple[Hashable, float]]:
    """What a record tells: what was measured, and seconds."""
    spec, timings = record["spec"], record["timings"]
    real = not is_rehearsal(spec["protocol"])
    if is_measure(record):
        own, any_method = _steps(spec)[:2] if real else _steps(spec)[2:]
        yield own, timings[STEP]
        yield any_method, timings[STEP]
    text = {part: sorted_json(spec[part]) for part in _DECIDING}  # type: ignore[literal-required]
    if "training" in timings and trained_whole(record):
        yield _training(text), timings["training"]
    yield _test(text), seconds_of_test(record)


def _steps(spec: RunSpec) -> list[Hashable]:
    """A step's names, the nearest first: in runs of the method, of any, in rehearsals likewise."""
    protocol, model, method = (spec[part] for part in ("protocol", "model", "method"))
    like = (protocol["name"], protocol.get("version"), model["name"])
    return [
        ("step", real, *like, name) for real in (True, False) for name in (method["name"], None)
    ]


def _training(text: Mapping[str, bytes]) -> Hashable:
    return "training", *(text[part] for part in _DECIDING)


def _test(text: Mapping[str, bytes]) -> Hashable:
    return "test", *(text[part] for part in _DECIDING if part != "method")


def _own_share(run: Run) -> float:
    """How much of its training a run does itself: what comes before is another's, if shared."""
    epochs: int = run.spec["protocol"]["epochs"]
    return 1.0 if run.prefix is None else 1 - run.prefix.epochs / epochs


def _noted_images(folder: Path, least: int) -> int | None:
    parts = written_before(folder)
    if parts is None:
        return None
    sides = (min(i["width"], i["height"]) for i in parts["train"].images if i["annotated"])
    return sum(side >= least for side in sides)
