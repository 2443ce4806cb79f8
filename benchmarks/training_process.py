"""A process in which one side trains, measured as its parent orders; it stands still in between.

So that two sides train by turns on one machine, each in a process of its own: mmengine keeps
singletons for the whole process.
"""

import io
import logging
import multiprocessing
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from multiprocessing.connection import Connection
from typing import Any

import torch
from host_waits import HostWaits
from training_sides import SIDES, Enough, Losses, Watch, Work

Answer = dict[str, Any]
CLOSE = "close"


class Seconds:
    """Time on the clock, the GPU's work included, and of this process on CPUs."""

    def __init__(self, device: str) -> None:
        self.device = device

    def __enter__(self) -> "Seconds":
        self.began, self.cpu_began = _now(self.device), time.process_time()
        return self

    def __exit__(self, *_: Any) -> None:
        self.taken = _now(self.device) - self.began
        self.cpu_taken = time.process_time() - self.cpu_began

    def answer(self) -> Answer:
        """`seconds` and `cpu_seconds`."""
        return {"seconds": self.taken, "cpu_seconds": self.cpu_taken}


class Counts(HostWaits):
    """Operators and waits."""

    def answer(self) -> Answer:
        """`calls` and `waits`, by name."""
        return {"calls": Counter(self.calls), "waits": Counter(self.waits)}


class Utilisation(Seconds):
    """The share of time in which the GPU works."""

    def __enter__(self) -> "Utilisation":
        from torch.profiler import ProfilerActivity, profile

        self.profile = profile(activities=[ProfilerActivity.CUDA])
        self.profile.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *_: Any) -> None:
        super().__exit__()
        self.profile.__exit__(None, None, None)

    def answer(self) -> Answer:
        """`utilisation`."""
        rows = self.profile.key_averages()
        kernels = sum(getattr(row, "self_device_time_total", 0) for row in rows) / 1e6
        return {"utilisation": kernels / self.taken}


MEASURES: dict[str, Callable[[str], Any]] = {
    "time": Seconds,
    "count": Counts,
    "profile": Utilisation,
}


class Ordered(Watch):
    """Trains so many images, measures, answers and waits for the next order."""

    def __init__(self, connection: Connection, device: str) -> None:
        self.connection, self.device = connection, device
        self.done = self.wanted = 0
        self.measure: Any = None

    def built(self, detector: Any) -> None:
        """The first order."""
        self._next()

    def step(self, images: int) -> None:
        """Answer when the order is carried out."""
        self.done += images
        if self.done >= self.wanted:
            self.measure.__exit__(None, None, None)
            self.connection.send({"images": self.done, **self.measure.answer(), **self._memory()})
            self._next()

    def _next(self) -> None:
        order = self.connection.recv()
        if order == CLOSE:
            raise Enough
        kind, self.wanted = order
        self.done = 0
        self.measure = MEASURES[kind](self.device)
        self.measure.__enter__()

    def _memory(self) -> Answer:
        if self.device == "cpu":
            return {}
        return {"peak_GiB": torch.cuda.max_memory_allocated() / 2**30}


class FirstStep(Watch):
    """What the first step is: its sizes and its losses."""

    def __init__(self) -> None:
        self.answer: Answer = {}

    def built(self, detector: Any) -> None:
        """Look at what goes through the detector's parts."""
        self.answer["trained parameters"] = sum(
            part.numel() for part in detector.parameters() if part.requires_grad
        )
        heads = detector.roi_head
        detector.data_preprocessor.register_forward_hook(self._batch)
        heads.bbox_head.register_forward_hook(self._rows("RoIs"))
        heads.mask_head.register_forward_hook(self._rows("RoIs with masks"))

    def losses(self, values: Losses) -> None:
        """Of an epoch that has one step."""
        self.answer["losses"] = values
        raise Enough

    def _batch(self, _module: Any, _args: Any, result: Any) -> None:
        self.answer["input"] = list(result["inputs"].shape)
        self.answer["objects"] = sum(len(sample.gt_instances) for sample in result["data_samples"])

    def _rows(self, name: str) -> Callable[..., None]:
        def hook(_module: Any, _args: Any, result: Any) -> None:
            first = result[0] if isinstance(result, tuple) else result
            self.answer[name] = len(first)

        return hook


class Forward(Watch):
    """Operators and waits from a batch to its losses, in the first pass alone."""

    def __init__(self, device: str) -> None:
        self.counts = Counts(device)

    def built(self, detector: Any) -> None:
        """Count the detector's first call."""
        forward = detector.forward

        def counted(*args: Any, **kwargs: Any) -> Any:
            with self.counts:
                forward(*args, **kwargs)
            raise Enough

        detector.forward = counted


def serve(side: str, threads: int, connection: Connection) -> None:
    """Do what the parent asks for until it asks for nothing more: a kind of watch and a work."""
    torch.set_num_threads(threads)
    logging.disable(logging.WARNING)  # mmengine tells of every weight that it draws
    warnings.simplefilter("ignore")
    with suppress(EOFError), redirect_stdout(io.StringIO()):  # pycocotools and mmengine print
        while (wanted := connection.recv()) is not None:
            try:
                connection.send(_watched(SIDES[side], *wanted, connection))
            except Exception:  # noqa: BLE001 (the parent is told)
                connection.send({"error": traceback.format_exc()})


def _watched(train: Any, kind: str, work: Work, connection: Connection) -> Answer:
    if kind == "first step":
        first = FirstStep()
        train(work, first)
        return first.answer
    if kind == "forward":
        forward = Forward(work.device)
        train(work, forward)
        return forward.counts.answer()
    if work.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    train(work, Ordered(connection, work.device))
    return {}


class Side:
    """The parent's end of a process."""

    def __init__(self, name: str, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.name = name
        self.process = context.Process(target=serve, args=(name, threads, other))
        self.process.start()
        other.close()

    def whole(self, kind: str, work: Work) -> Answer:
        """What a watch of the kind `first step` or `forward` saw."""
        self.connection.send((kind, work))
        return self._answer()

    def open(self, work: Work) -> None:
        """Begin a training that is measured by orders."""
        self.connection.send(("ordered", work))

    def order(self, kind: str, images: int) -> Answer:
        """Train so many images and measure: `time`, `count` or `profile`."""
        self.connection.send((kind, images))
        return self._answer()

    def close(self) -> None:
        """End the training that is measured by orders."""
        self.connection.send(CLOSE)
        self._answer()

    def end(self) -> None:
        """End the process."""
        self.connection.close()
        self.process.join(30)
        if self.process.is_alive():
            self.process.terminate()

    def _answer(self) -> Answer:
        answer: Answer = self.connection.recv()
        if "error" in answer:
            raise RuntimeError(f"{self.name} failed:\n{answer['error']}")
        return answer


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()
