"""The runs that have not ended, as Ray tasks: one each, or a training and an evaluation."""

from collections import deque
from collections.abc import Callable
from typing import Any

from noisyseg.bench.runs.run import Run

_POLL_S = 0.5

Begin = Callable[[Run], Any]
"""Hands a run's task to Ray; returns Ray's reference."""


class RunTasks:
    """Trainings are all Ray's to queue; of evaluations it is given a few at a time.

    They may ask for no CPU (see `share_of`), so Ray would begin as many as there are, each with an
    evaluation's memory: as there are after a driver was killed.

    Args:
        ray: connected.
        train: begins a run's first task, or its only one.
        evaluate: begins its second.
        most: evaluations at a time.
    """

    def __init__(self, ray: Any, *, train: Begin, evaluate: Begin, most: int) -> None:
        self._ray, self._most = ray, most
        self._begin_training, self._begin_evaluation = train, evaluate
        self._training: dict[Any, Run] = {}
        self._evaluating: dict[Any, Run] = {}
        self._trained: deque[Run] = deque()

    def train(self, run: Run) -> None:
        """Let the run be trained in its turn."""
        self._training[self._begin_training(run)] = run

    def evaluate(self, run: Run) -> None:
        """Let a trained run be evaluated in its turn."""
        self._trained.append(run)
        self._begin_evaluations()

    def ended(self) -> list[tuple[Any, Run]]:
        """References of tasks that have ended, and their runs, after half a second at most."""
        tasks = [*self._evaluating, *self._training]
        references, _ = self._ray.wait(tasks, num_returns=1, timeout=_POLL_S)
        ended = [(reference, self._forget(reference)) for reference in references]
        self._begin_evaluations()
        return ended

    def waiting(self) -> list[Run]:
        """The runs that have not ended: those that may be under way first."""
        return [*self._evaluating.values(), *self._training.values(), *self._trained]

    def _forget(self, reference: Any) -> Run:
        tasks = self._evaluating if reference in self._evaluating else self._training
        return tasks.pop(reference)

    def _begin_evaluations(self) -> None:
        while self._trained and len(self._evaluating) < self._most:
            run = self._trained.popleft()
            self._evaluating[self._begin_evaluation(run)] = run
