"""Runs on nodes that do not see the driver's store: worked on in copies, whose files come back.

The driver's machine is the store's home. An actor of Ray's there reads and writes below its root;
a worker elsewhere has a store of its own for one run, in its machine's temporary folder.
"""

import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from noisyseg.bench.cluster import driver_package, served_object
from noisyseg.bench.cluster.home_files import HomeFiles, Owner
from noisyseg.bench.cluster.mirror import Mirror, kept_in_step
from noisyseg.bench.cluster.node_files import sees, store_token
from noisyseg.bench.cluster.node_folder import node_folder
from noisyseg.bench.cluster.sent_annotations import with_own_annotations
from noisyseg.bench.runs.noise_again import clean_file
from noisyseg.bench.runs.prefix import Prefix
from noisyseg.bench.runs.run import Run
from noisyseg.bench.runs.training_note import read_training_note
from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes

_AT_ONCE = 16  # calls that the home answers
_AGAIN_S = 1.0
_SEEN: dict[str, bool] = {}  # whether this process sees a store, by its name


class Home:
    """The store's files, wherever this object has travelled with a task.

    Attributes:
        files: of the store; a call of a method is one in the actor.
        name: of the store, among all that a node may hear of.
    """

    def __init__(self, actor: Any, name: str) -> None:
        self._actor, self.name = actor, name

    @property
    def files(self) -> HomeFiles:
        """The store's files."""
        return cast(HomeFiles, _RemoteFiles(self._actor))

    def is_here(self) -> bool:
        """Whether this machine sees the store; a process asks once."""
        if self.name not in _SEEN:
            token = self.files.token()
            try:
                _SEEN[self.name] = sees(token)
            finally:
                self.files.remove(token.path, None)
        return _SEEN[self.name]

    def let_go(self, run: Run, owner: Owner = None) -> None:
        """Free a run: its owner has done with it or, where none is named, its worker has died."""
        with suppress(OSError):  # its lock goes with the home
            self.files.let_go(str(run.folder), owner)


class _RemoteFiles:
    """Calls `HomeFiles` in the actor."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            import ray

            try:
                return ray.get(self._actor.call.remote(name, *arguments))
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except ray.exceptions.RayError as error:
                reason = (str(error).strip().splitlines() or [""])[0]
                raise ConnectionError(f"the driver's machine cannot be reached: {reason}") from None

        return call


def home_of(
    ray: Any, package: driver_package.DriverPackage, root: str, runs: Sequence[Run]
) -> Home:
    """The home of a store that this process sees.

    Args:
        ray: connected.
        package: the driver's.
        root: of the store.
        runs: whose annotation files may lie elsewhere; their folders lie below the root.
    Raises:
        InputError: Ray's process beside this one does not see the store.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    for module in (driver_package, served_object):
        ray.cloudpickle.register_pickle_by_value(module)
    node = ray.get_runtime_context().get_node_id()
    actor = ray.remote(num_cpus=0, max_concurrency=_AT_ONCE, max_restarts=-1, max_task_retries=-1)(
        served_object.ServedObject
    ).options(scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=node, soft=False))
    make = ray.cloudpickle.dumps((HomeFiles, (root, _annotation_files(runs))))
    home = Home(actor.remote(package, make), store_name(root))
    with store_token(Path(root)) as token:
        if not home.files.sees(token):
            raise InputError(
                f"the node of the cluster that this command speaks to does not see {root}: call "
                "it on a node of the cluster, with its address or --address auto."
            )
    return home


def store_name(root: str) -> str:
    """What a node calls the store of this machine: the same for every driver."""
    return sha256_bytes(f"{platform.node()}\0{os.path.abspath(root)}".encode())[:16]


def _annotation_files(runs: Sequence[Run]) -> list[str]:
    files = {run.train_annotations for run in runs} | {run.eval_annotations for run in runs}
    files |= {clean_file(run) for run in runs}
    files |= {run.manifest for run in runs if run.manifest is not None}
    files |= {run.submission.annotations for run in runs if run.submission is not None}
    return sorted(map(str, files))


@contextmanager
def working_copy(
    run: Run, root: str, home: Home | None, *, rank: int = 0
) -> Iterator[tuple[Run, str]]:
    """The run and its store as this machine can work on them.

    Where the store is not seen, these are copies in a folder of this machine's, kept in step with
    the home's and removed at the end. A run that another process works on is waited for.

    Args:
        run: with the home's paths.
        root: of the home's store.
        home: None where every node sees the store.
        rank: which of the processes that train the run together; but for the first, they need
            none of its files, and write nothing but their logs.
    Raises:
        InputError: a file that the home lacks, or noise that comes to other bytes here.
        OSError: no room, here or at home.
        SupersededError: another worker does the run by now.
    """
    if home is None or home.is_here():
        if home is not None and not rank:
            home.let_go(run)  # of a worker that has died, or the run would not be this one's
        yield run, root
        return
    owner = None if rank else os.urandom(8).hex()
    with node_folder(home.name) as (annotations, own_root), _held(run, home, owner):
        own = _with_own_folders(run, root, own_root)
        own = with_own_annotations(own, home.files, annotations)
        mirror = Mirror(home.files, _folders(own, run), owner)
        if not rank:
            mirror.fetch(checkpoints=False)
            if own.lacks_submission or read_training_note(own) is None:
                mirror.fetch(checkpoints=True)
        with kept_in_step(mirror):
            yield own, str(own_root)


def _with_own_folders(run: Run, root: str, own_root: Path) -> Run:
    """The run with its folder, and those of shared prefixes, in a store of this machine's."""

    def own(path: Path) -> Path:
        return own_root / path.relative_to(root)

    def own_prefix(prefix: Prefix) -> Prefix:
        return replace(prefix, path=own(prefix.path))

    folder = own(run.folder)
    folder.mkdir(parents=True)
    return replace(
        run,
        folder=folder,
        prefix=None if run.prefix is None else own_prefix(run.prefix),
        leaves=tuple(map(own_prefix, run.leaves)),
    )


def _folders(own: Run, run: Run) -> dict[Path, str]:
    """The folders of a run on this machine, and which of the home's they stand for."""
    prefixes, at_home = [*own.leaves], [*run.leaves]
    if own.prefix is not None and run.prefix is not None:
        prefixes, at_home = [*prefixes, own.prefix], [*at_home, run.prefix]
    pairs = {here.path: str(there.path) for here, there in zip(prefixes, at_home, strict=True)}
    return pairs | {own.folder: str(run.folder)}


@contextmanager
def _held(run: Run, home: Home, owner: Owner) -> Iterator[None]:
    """Hold the run's lock at home; who waits for it waits as long as another process works."""
    if owner is None:
        yield
        return
    while not home.files.hold(str(run.folder), owner):
        time.sleep(_AGAIN_S)
    try:
        yield
    finally:
        home.let_go(run, owner)
