"""The folder of runs: where a run's files lie, which records hold, which must be set aside."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from noisyseg.errors import InputError
from noisyseg.files import write_atomically
from noisyseg.results.records.faults import STOPS
from noisyseg.results.records.folder_names import folder_name, place_below
from noisyseg.results.records.record import (
    CorruptRecordError,
    Record,
    RunSpec,
    decode_record,
    encode_record,
    run_key,
)

RECORD_NAME = "record.json"
SPEC_NAME = "spec.json"


class RunStore:
    """Runs under root/<data set>/<method>/<key>/, each finished by a valid `record.json`.

    It knows no suites: a run that two suites share lies here once.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def folder(self, spec: Mapping[str, Any]) -> Path:
        """The run's own folder (not created).

        Raises:
            InputError: the data set's or the method's name cannot be a folder name.
        """
        return self.place(spec, run_key(spec))

    def place(self, spec: Mapping[str, Any], key: str) -> Path:
        """As `folder`, of a spec whose key is known."""
        return place_below(self.root, spec, key)

    def load(self, run: Mapping[str, Any] | str) -> Record | None:
        """The record of a spec or a key, done or failed; None when there is none.

        Raises:
            CorruptRecordError: there is one that does not hold (see `load_or_set_aside`).
            InputError: the file cannot be read.
        """
        path = self._record_path(run)
        return None if path is None else self._read(path)

    def peek(
        self, spec: Mapping[str, Any], key: str | None = None
    ) -> tuple[Record | None, str | None]:
        """The spec's record, or what is wrong with it; nothing is renamed.

        Args:
            spec: of the run.
            key: its key, where that is known: it is not hashed again then.
        """
        folder = self.folder(spec) if key is None else self.place(spec, key)
        try:
            return self._read(f"{folder}{os.sep}{RECORD_NAME}"), None
        except CorruptRecordError as error:
            return None, str(error)

    def load_or_set_aside(self, spec: Mapping[str, Any]) -> tuple[Record | None, str | None]:
        """The spec's record; a corrupt one is renamed, and the second value says so.

        Raises:
            InputError: the file cannot be read, which says nothing about what it holds.
        """
        try:
            return self.load(spec), None
        except CorruptRecordError as error:
            kept = self.set_aside(spec)
            return None, f"{error}. Kept as {kept.name}; the run counts as not done"

    def save(self, record: Record) -> Path:
        """Write a sealed record, whole or not at all, in the place of an earlier one.

        Call it last: the record's presence says the run's other files are complete.

        Raises:
            CorruptRecordError: the record does not hold together.
            InputError: the folder cannot be written to.
        """
        data = encode_record(record)
        self.load_or_set_aside(record["spec"])  # replacing a corrupt file would destroy evidence
        path = self.folder(record["spec"]) / RECORD_NAME
        write_atomically(path, data)
        return path

    def set_aside(self, run: Mapping[str, Any] | str | Path) -> Path:
        """Rename a spec's, key's or path's record to record.json.corrupt-1, -2, …

        Returns:
            The new path; no earlier one is ever overwritten.
        Raises:
            InputError: no such record, or a folder that cannot be written to.
        """
        path = run if isinstance(run, Path) else self._record_path(run)
        if path is None or not path.exists():
            raise InputError(f"no record to set aside for {run} in {self.root}")
        try:
            target = _reserve(path)
            path.replace(target)
        except OSError as error:
            raise InputError(f"cannot set {path} aside: {error.strerror}") from error
        return target

    def all_records(self) -> tuple[list[Record], list[str]]:
        """Every valid record, in the order of their paths, and a message for every other one."""
        problems: list[str] = []
        return list(self.records_in(self.run_folders(), problems)), problems

    def records_in(self, folders: Iterable[str], problems: list[str]) -> Iterator[Record]:
        """The valid records of folders, one at a time; messages for others go to problems."""
        for folder in folders:
            record = self._record_in(folder, problems)
            if record is not None:
                yield record

    def run_in(
        self, folder: str, problems: list[str]
    ) -> tuple[Mapping[str, Any] | None, Record | None]:
        """Spec and record of the run in a folder, begun or planned; None for what is not there.

        Messages for what cannot be read are added to problems.
        """
        record = self._record_in(folder, problems)
        return (self._spec_in(folder, problems) if record is None else record["spec"]), record

    def run_folders(self) -> Iterator[str]:
        """The folders that runs may have, in order; those of others begin with a point."""
        for data in folders_in(self.root):
            for method in folders_in(data):
                yield from folders_in(method)

    def _record_in(self, folder: str, problems: list[str]) -> Record | None:
        try:
            return self._read(f"{folder}{os.sep}{RECORD_NAME}")
        except InputError as error:
            problems.append(str(error))
            return None

    def _spec_in(self, folder: str, problems: list[str]) -> RunSpec | None:
        path = Path(folder, SPEC_NAME)
        try:
            spec: RunSpec = json.loads(path.read_bytes())
            if self.folder(spec) != path.parent:
                raise InputError("it belongs to another folder")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
            problems.append(f"{path}: not a run's spec: {error}")
            return None
        return spec

    def check_there(self) -> None:
        """Refuse a folder that is not there: a reader makes none.

        Raises:
            InputError: with what was wanted.
        """
        if not self.root.is_dir():
            raise InputError(
                f"no such store: {self.root}. `noisyseg run` makes one; where it lies elsewhere, "
                "name that folder."
            )

    def check_writable(self) -> None:
        """Make the root folder and a passing file in it, before hours are spent on a run.

        Raises:
            InputError: that is not possible.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.root, prefix=".writable-") as probe:
                probe.write(b"x")
                probe.flush()
        except OSError as error:
            raise InputError(
                f"cannot write results to {self.root}: {error.strerror}. Give another folder with "
                "--out, or make this one writable"
            ) from error

    def _record_path(self, run: Mapping[str, Any] | str) -> Path | None:
        if not isinstance(run, str):
            path = self.folder(run) / RECORD_NAME
            return path if path.exists() else None
        paths = (Path(folder, RECORD_NAME) for folder in self.run_folders())
        return next((path for path in paths if path.parent.name == run and path.exists()), None)

    def _read(self, path: Path | str) -> Record | None:
        try:
            with open(path, "rb") as file:
                record = decode_record(file.read())
            # The key has just been checked against the spec: no need to hash it once more.
            spec = record["spec"]
            own = (folder_name(spec, "data"), folder_name(spec, "method"), record["key"])
            if own != tuple(str(path).split(os.sep)[-4:-1]):
                raise CorruptRecordError(f"it belongs to run {record['key']}, another folder")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error
        except InputError as error:
            raise CorruptRecordError(f"{path}: {error}") from error
        return record


def is_done(record: Record | None) -> bool:
    """Whether there is nothing left to run: a failed run is run again."""
    return record is not None and record["status"] == "done"


def is_stopped(record: Record | None) -> bool:
    """Whether a run did not fail, but was asked to stop: it waits to go on."""
    return (
        record is not None
        and record["status"] == "failed"
        and record["failure"].get("fault") in STOPS
    )


def folders_in(folder: str | Path) -> list[str]:
    """Those in a folder that do not hide, in order; none where it is not there.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(e.path for e in entries if e.name[0] != "." and e.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}") from error


def _reserve(path: Path) -> Path:
    """A free name beside path, taken by an empty file so that no one else takes it too."""
    for number in count(1):
        target = path.with_name(f"{path.name}.corrupt-{number}")
        try:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            continue
        return target
    raise AssertionError("count() does not end")
