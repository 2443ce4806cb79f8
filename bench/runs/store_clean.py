"""What of a store nobody needs any more to finish its runs: the checkpoints of those that are done.

So with first epochs that runs had in common, when all of them are done.

Records, predictions and logs stay. A run that failed, waits or is under way goes on from its
checkpoint, which is therefore never touched.
"""

import shutil
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from noisyseg.bench.runs.checkpoint_files import REMOVED, files_of_checkpoints
from noisyseg.bench.runs.claims import is_claimed
from noisyseg.bench.runs.prefix import FOLDER as PREFIXES
from noisyseg.bench.runs.prefixes import unneeded_prefixes
from noisyseg.bench.runs.run import CHECKPOINTS
from noisyseg.bench.runs.run_copy import at_rest
from noisyseg.bench.runs.store_merge import CONFLICTS
from noisyseg.errors import InputError
from noisyseg.files import canonical_json, write_atomically
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore, is_done, is_stopped


@dataclass(slots=True, kw_only=True)
class Freed:
    """What is freed of one data set, or of one kind of file that belongs to none."""

    name: str
    runs: int = 0
    bytes: int = 0


@dataclass(slots=True, kw_only=True)
class Clean:
    """What a store was rid of, or would be.

    Attributes:
        freed: what was removed, a data set each.
        kept: why checkpoints were left → of how many runs.
        problems: what cannot be read or removed.
    """

    freed: dict[str, Freed] = field(default_factory=dict)
    kept: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def count(self, name: str, size: int, runs: int = 1) -> None:
        """So many bytes more, of so many runs."""
        entry = self.freed.setdefault(name, Freed(name=name))
        entry.runs += runs
        entry.bytes += size


def clean_store(root: Path, *, everything: bool, remove: bool) -> Clean:
    """Remove what no run of a store needs any more to be finished.

    Args:
        root: the store.
        everything: of the copies, too, that a merge kept of runs that contradict each other.
        remove: whether it is removed, or only counted.

    Raises:
        InputError: no such store.
    """
    store = RunStore(root)
    store.check_there()
    clean = Clean()
    for folder in store.run_folders():
        _clean_run(Path(folder), store, clean, remove=remove)
    for prefix in unneeded_prefixes(store):
        _clean_prefix(prefix, clean, remove=remove)
    if everything:
        for checkpoints in sorted((root / CONFLICTS).rglob(CHECKPOINTS)):
            _clean_folder(checkpoints, CONFLICTS, clean, remove=remove)
    return clean


def _clean_run(folder: Path, store: RunStore, clean: Clean, *, remove: bool) -> None:
    if not files_of_checkpoints(folder / CHECKPOINTS):
        return
    with at_rest(folder) as rests:
        _, record = store.run_in(str(folder), clean.problems)
        if not rests or is_claimed(folder):
            clean.kept["running"] += 1
        elif not is_done(record):
            clean.kept[_kept_as(record)] += 1
        else:
            _clean_folder(folder / CHECKPOINTS, folder.parts[-3], clean, remove=remove)


def _kept_as(record: Record | None) -> str:
    if record is None:
        return "waiting"
    return "stopped" if is_stopped(record) else record["status"]


def _clean_folder(checkpoints: Path, name: str, clean: Clean, *, remove: bool) -> None:
    files = files_of_checkpoints(checkpoints)
    if not files:
        return
    size = _size(files)
    try:
        if remove:
            # First the note: stopped in between, the folder says what it lacks.
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            write_atomically(checkpoints / REMOVED, canonical_json({"removed": now}))
            for file in files:
                file.unlink(missing_ok=True)
    except (OSError, InputError) as error:
        clean.problems.append(f"{checkpoints}: {error}")
        return
    clean.count(name, size)


def _clean_prefix(folder: Path, clean: Clean, *, remove: bool) -> None:
    try:
        size = _size([path for path in folder.iterdir() if path.is_file()])
        if remove:
            shutil.rmtree(folder)
    except OSError as error:  # a driver may have dropped it meanwhile
        clean.problems.append(f"{folder}: {error}")
        return
    clean.count(PREFIXES, size, runs=0)


def _size(files: list[Path]) -> int:
    """Bytes that their absence frees; two names of one file count once."""
    stats = {(stat.st_dev, stat.st_ino): stat.st_size for stat in (file.stat() for file in files)}
    return sum(stats.values())
