"""Runs begun one after another wherever there is room, until each has ended."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from noisyseg.bench.cluster import worker_tasks
from noisyseg.bench.cluster.endings import Endings, is_ended
from noisyseg.bench.cluster.ground import Ground
from noisyseg.bench.cluster.jobs import Job
from noisyseg.bench.cluster.stopping import Stopping
from noisyseg.bench.cluster.waiting_runs import WaitingRuns
from noisyseg.bench.runs.claims import Claims
from noisyseg.bench.runs.fault_kinds import fault_of
from noisyseg.bench.runs.heartbeat import clear_heartbeat
from noisyseg.bench.runs.prefix import prefix_ready
from noisyseg.bench.runs.run import Run
from noisyseg.bench.runs.training_note import read_training_note
from noisyseg.results.records.record import Record

_POLL_S = 0.5
_LOOK_EVERY_S = 1.0


class Dispatch:
    """Hands out runs until each has ended, is left to another driver, or may not begin.

    Args:
        ground: what it works with.
        waiting: the runs, each key once.
        stopping: whether somebody wants it to end.
    """

    def __init__(self, ground: Ground, waiting: WaitingRuns, stopping: Stopping) -> None:
        self._ground, self._waiting, self._stopping = ground, waiting, stopping
        self._claims = Claims()
        self._trained: deque[Run] = deque()
        self._elsewhere: dict[str, Run] = {}
        self._began, self._looked = time.time(), 0.0
        self.endings = Endings(ground, stopping)
        self.by_others: dict[str, Record] = {}
        self.left: list[Run] = []
        """Runs that others were doing when this ended."""

    @property
    def records(self) -> dict[str, Record]:
        """What came of the runs, by key."""
        return self.endings.records | self.by_others

    def run(self) -> None:
        """Do all that can be done."""
        jobs = self._ground.jobs
        try:
            while self._goes_on():
                self._begin()
                for job, outcome in jobs.ended(_POLL_S):
                    self._after(job, self.endings.step(job, outcome))
                self._look_around()
                self._ground.display.refresh(self._unended())
                if self._stopping.wanted and self._stopping.first():
                    self._ground.tell("stopped", fault=self._stopping.fault)
                    if jobs.under_way():
                        self._ground.display.note(self._stopping.words)
                    jobs.stop()
                if self._stopping.is_over:
                    jobs.kill()
                    break
        finally:
            self._claims.release_all()
        self.left = list(self._elsewhere.values())

    def _goes_on(self) -> bool:
        if self._ground.jobs.under_way():
            return True
        if self._may_not_begin:
            return False
        others = self._elsewhere and self._ground.settings.wait
        return bool(self._trained or len(self._waiting) or others)

    @property
    def _may_not_begin(self) -> bool:
        return self._stopping.wanted or self.endings.is_last

    def _unended(self) -> Iterator[Run]:
        """Those under way first."""
        under_way = (job.run for job in self._ground.jobs.under_way())
        return chain(under_way, self._trained, self._elsewhere.values(), iter(self._waiting))

    # What begins

    def _begin(self) -> None:
        if self._may_not_begin:
            return
        share, jobs = self._ground.share, self._ground.jobs
        evaluating = sum(job.part == "evaluate" for job in jobs.under_way())
        while self._trained and evaluating < share.parallel:
            jobs.begin(self._evaluation(self._trained.popleft()))
            evaluating += 1
        room = jobs.room()
        training = (job.run.key for job in jobs.under_way() if job.part != "evaluate")
        if not self.endings.alone.isdisjoint(training):
            room = 0
        while room > 0 and (run := self._next()) is not None:
            if run.key in self.endings.alone and jobs.under_way():
                self._waiting.add_last(run)
                break
            if self._lacks_evaluation_alone(run):
                self._trained.append(run)
                continue
            jobs.begin(self._training(run))
            branches = run.prefix is not None and prefix_ready(run.prefix)
            self._ground.tell("branched" if branches else "begun", run)
            room -= 1

    def _next(self) -> Run | None:
        """The next run that is this driver's to do."""
        while (run := self._waiting.take()) is not None:
            try:
                # One that begins again is claimed already.
                if self._claims.has(run) or self._is_claimed_now(run):
                    clear_heartbeat(run.folder)  # a killed process's: its run is not under way
                    return run
            except OSError as error:
                if fault_of(error) != "disk full":
                    raise
                self.endings.is_full = True
                self._waiting.add(run)
                return None
        return None

    def _is_claimed_now(self, run: Run) -> bool:
        """Claim a run that no other driver has, or has ended."""
        if not self._claims.take(run):
            self._elsewhere[run.key] = run
            self._ground.tell("held elsewhere", run)
            if not self._ground.settings.wait:
                self._waiting.release_all(run.key)
            return False
        return not self._was_ended_elsewhere(run)

    def _was_ended_elsewhere(self, run: Run) -> bool:
        """Whether another driver has done a run, or failed to, since this one began."""
        record, _ = self._ground.store.peek(run.spec, run.key)
        if record is None or not is_ended(record, self._began) or run.lacks_submission:
            return False
        self.by_others[run.key] = record
        self._claims.release(run)
        self._waiting.release_all(run.key)
        self._ground.tell("ended elsewhere", run)
        self._ground.display.ended(run, record, elsewhere=True)
        return True

    def _training(self, run: Run) -> Job:
        ground = self._ground
        need = ground.share.training
        if run.key in self.endings.alone and need.gpus:
            need = replace(need, gpus=max(need.gpus, 1.0))
        resources = replace(
            ground.share.resources,
            keep_checkpoints=ground.settings.keep_checkpoints,
            step_limit=ground.settings.step_limit,
        )
        on_gpu = need.gpus > 0
        return Job(
            run=run,
            part="train" if on_gpu else "execute",
            need=need,
            function=worker_tasks.train_in_worker if on_gpu else worker_tasks.execute_in_worker,
            arguments=(run, self._root, resources, *self._home),
            assist=worker_tasks.assist_in_worker,
        )

    def _evaluation(self, run: Run) -> Job:
        return Job(
            run=run,
            part="evaluate",
            need=self._ground.share.evaluation,
            function=worker_tasks.evaluate_in_worker,
            arguments=(run, self._root, *self._home),
        )

    @property
    def _root(self) -> str:
        return str(self._ground.store.root.absolute())

    @property
    def _home(self) -> tuple[object, ...]:
        """What a node that does not see the store gets files from, if there may be such a one."""
        return () if self._ground.home is None else (self._ground.home,)

    def _lacks_evaluation_alone(self, run: Run) -> bool:
        """Whether a GPU has nothing left to do for a run: its evaluation was killed."""
        on_gpu = self._ground.share.gpus > 0
        return on_gpu and not run.lacks_submission and read_training_note(run) is not None

    # What ends

    def _after(self, job: Job, step: str) -> None:
        """Go on with a run whose job has ended.

        Args:
            job: that has.
            step: evaluate, again, alone, ended or left.
        """
        run = job.run
        if step == "evaluate":
            self._trained.append(run)
        elif step == "again":
            self._waiting.add(run)
            self._waiting.release_ready(run)
        elif step == "alone":
            self._waiting.add_last(run)
            self._waiting.release_ready(run)
        else:
            self._claims.release(run)
            self._waiting.release_all(run.key)

    def _look_around(self) -> None:
        """Now and then: nodes that came or went, runs of others, beginnings that are there."""
        if time.monotonic() - self._looked < _LOOK_EVERY_S:
            return
        self._looked = time.monotonic()
        for event, node in self._ground.jobs.news():
            self._ground.tell(event, node=node)
            self._ground.display.note(f"{event}: {node}")
        for run in list(self._elsewhere.values()):
            self._waiting.release_ready(run, elsewhere=True)
            self._look_at(run)
        for job in self._ground.jobs.under_way():
            self._waiting.release_ready(job.run)

    def _look_at(self, run: Run) -> None:
        """Take a run back that nobody has any more, and that nobody has ended."""
        if not self._claims.take(run):
            return
        del self._elsewhere[run.key]
        if not self._was_ended_elsewhere(run):
            self._waiting.add(run)
