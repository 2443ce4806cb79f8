"""A suite's runs, done: on Ray, or by processes of this machine."""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from noisyseg.bench.cluster import driver_package
from noisyseg.bench.cluster.away import Home, home_of
from noisyseg.bench.cluster.dispatch import Dispatch
from noisyseg.bench.cluster.driver_package import DriverPackage
from noisyseg.bench.cluster.ground import Ground
from noisyseg.bench.cluster.jobs import Jobs
from noisyseg.bench.cluster.machine import this_machine
from noisyseg.bench.cluster.node_checks import check_nodes
from noisyseg.bench.cluster.node_files import needed_files
from noisyseg.bench.cluster.process_jobs import ProcessJobs
from noisyseg.bench.cluster.progress import Display
from noisyseg.bench.cluster.ray_cluster import connected
from noisyseg.bench.cluster.ray_jobs import RayJobs
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.cluster.share import Share, share_of
from noisyseg.bench.cluster.stopping import Stopping
from noisyseg.bench.cluster.waiting_runs import WaitingRuns
from noisyseg.bench.runs.durations import Durations
from noisyseg.bench.runs.execution import announce
from noisyseg.bench.runs.journal import Journal
from noisyseg.bench.runs.prefixes import trunk_of
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore


@dataclass(kw_only=True, slots=True)
class Done:
    """What came of runs.

    Attributes:
        records: by key, of those that ended.
        by_others: keys of those that another driver ended meanwhile.
        left: runs that another driver had under way, and that were not waited for.
        is_full: whether the disk was, so that the rest did not begin.
    """

    records: dict[str, Record] = field(default_factory=dict)
    by_others: set[str] = field(default_factory=set)
    left: list[Run] = field(default_factory=list)
    is_full: bool = False


def run_all(
    runs: Sequence[Run],
    store: RunStore,
    settings: ClusterSettings,
    display: Display,
    check: Callable[[], None],
) -> Done:
    """Train what is given, each key once.

    Args:
        runs: those that begin from another's start name it (see `prefixes`).
        store: of their records.
        settings: where they go.
        display: told what happens.
        check: of the runs, called beside the start of what does them; nothing is trained before it
            has returned.
    Raises:
        InputError: what `check` raises; no Ray at the address, no node that has what one run
            needs, or a node with another noisyseg than this process has.
        KeyboardInterrupt: Ctrl-C or SIGTERM came; what was under way has left a checkpoint.
    """
    unique = [_anywhere(run) for run in {run.key: run for run in runs}.values()]
    stopping, package = Stopping(), driver_package.own_package()
    with _place_beside(check, settings, package) as place, stopping.by_signals():
        place.jobs.warm_up(min(place.share.parallel, len(unique)))
        durations = Durations.of(store, device=place.share.resources.device)
        place.checked.result()
        ground = Ground(
            jobs=place.jobs,
            share=place.share,
            settings=settings,
            store=store,
            package=package,
            display=display,
            journal=Journal(store.root),
            home=_home(place, package, unique, store, settings),
        )
        display.start(unique, parallel=place.share.parallel, dashboard=place.dashboard)
        dispatch = Dispatch(ground, _waiting(unique, durations), stopping)
        _dispatched(dispatch, ground, unique, stopping)
    stopping.raise_if_wanted()
    _raise_foreign(dispatch)
    return Done(
        records=dispatch.records,
        by_others=set(dispatch.by_others),
        left=dispatch.left,
        is_full=dispatch.endings.is_full,
    )


def _dispatched(
    dispatch: Dispatch, ground: Ground, runs: Sequence[Run], stopping: Stopping
) -> None:
    """Do all that can be done, and lay down meanwhile what is planned."""
    ground.tell("started", runs=len(runs), parallel=ground.share.parallel)
    with ThreadPoolExecutor(1) as beside:
        announcing = beside.submit(_announce, runs, stopping)
        dispatch.run()
        announcing.result()
    ground.tell("finished", ended=len(dispatch.records))


def _waiting(runs: Sequence[Run], durations: Durations) -> WaitingRuns:
    """The runs' queue; those that begin from another's start wait for that."""
    waiting = WaitingRuns(runs, durations.seconds)
    waiting.hold_back(trunk_of(runs))
    return waiting


def _raise_foreign(dispatch: Dispatch) -> None:
    """Say that a node had another noisyseg; of what others ended records are kept.

    Raises:
        InputError: nothing was done.
    """
    if dispatch.endings.foreign is None:
        return
    if not dispatch.records:
        raise dispatch.endings.foreign
    sys.stderr.write(f"error: {dispatch.endings.foreign}\n")


def _announce(runs: Sequence[Run], stopping: Stopping) -> None:
    """Lay down what runs are planned, for whoever asks for the state of the store."""
    for run in runs:
        if stopping.wanted:
            return
        try:
            announce(run)
        except (InputError, OSError):  # the run itself will say so
            return


@dataclass(kw_only=True, slots=True)
class _Place:
    """Where runs are done.

    Attributes:
        checked: the check of the runs, which goes on meanwhile.
        ray: connected; None without.
        dashboard: a line that says where Ray's own pages are.
    """

    jobs: Jobs
    share: Share
    checked: Future[None]
    ray: Any = None
    dashboard: str | None = None


@contextmanager
def _place_beside(
    check: Callable[[], None], settings: ClusterSettings, package: DriverPackage
) -> Iterator[_Place]:
    """Where runs are done, and the check that goes on meanwhile: each takes seconds.

    Ray is started in the main thread, the one that signals reach.
    """
    with ThreadPoolExecutor(1) as beside, ExitStack() as stack:
        checked = beside.submit(check)
        try:
            if settings.without_ray:
                machine = this_machine()
                share = share_of([machine], settings)
                processes = ProcessJobs(share, gpus=int(machine["GPU"]))
                stack.callback(processes.kill)
                place = _Place(jobs=processes, share=share, checked=checked)
            else:
                ray, dashboard = stack.enter_context(connected(settings))
                machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
                share = share_of(machines, settings)
                tasks = RayJobs(ray, package, share, local=settings.address is None)
                place = _Place(
                    jobs=tasks, share=share, checked=checked, ray=ray, dashboard=dashboard
                )
        except (InputError, ImportError):
            checked.result()  # a mistake in what is to be trained comes first
            raise
        yield place


def _home(
    place: _Place,
    package: DriverPackage,
    runs: Sequence[Run],
    store: RunStore,
    settings: ClusterSettings,
) -> Home | None:
    """What nodes that do not see the store get its files from; none on one machine.

    Raises:
        InputError: a node lacks what runs need.
    """
    ray = place.ray
    if settings.address is None or not isinstance(place.jobs, RayJobs):
        return None
    root = str(store.root.absolute())
    seeing = check_nodes(ray, package, runs, root)
    place.jobs.admit(needed_files(runs))
    nodes = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
    if settings.address.startswith("ray://") and nodes <= seeing:
        return None  # this process is none of the cluster's machines
    return home_of(ray, package, root, runs)


def _anywhere(run: Run) -> Run:
    """The run with absolute paths: a worker on a cluster has a working folder of its own."""
    values = {field.name: getattr(run, field.name) for field in fields(run)}
    paths: dict[str, Any] = {
        name: value.absolute() for name, value in values.items() if isinstance(value, Path)
    }
    return replace(run, **paths)
