"""A data set from its official archives: found ready, foreseen, made, and checked."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.datasets.check_report import UNPACK, Fault, Report
from noisyseg.bench.datasets.converted import Progress
from noisyseg.bench.datasets.data_format import DataOptions
from noisyseg.bench.datasets.prepared_folder import (
    NOTE,
    Note,
    read_note,
    withdraw_note,
    writable,
    write_note,
)
from noisyseg.bench.datasets.ready import Ready, annotation_file
from noisyseg.bench.datasets.unpacked import VERSION, Unpacked
from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes, write_blocks_atomically

_PARTS = {"train": "train", "val": "eval"}


@dataclass(kw_only=True, slots=True, frozen=True)
class OfficialData:
    """A `DataSet` whose makers publish archives; what is converted carries a note.

    Attributes:
        files: as they were unpacked.
        root: the folder that was named, which holds the data set's own, or is it.
        options: of the command line.
    """

    files: Unpacked
    root: Path
    options: DataOptions

    @property
    def folder(self) -> Path:
        """The data set's own, with the unpacked files."""
        return self.files.folder

    def find(self) -> Ready | None:
        """As `make` left it; None if it did not, or something has changed since."""
        try:
            return self._found(self.files.listed(), self._made_from())
        except InputError:
            return None

    def foresee(self) -> Ready:
        """What `make` would give; see `DataSet`."""
        listed = self.files.listed()
        self._check_official(listed)
        ready = self._found(listed, self._made_from())
        if ready is None:
            contents = {}

            def put(split: str, blocks: Iterator[bytes]) -> None:
                contents[_PARTS[split]] = b"".join(blocks)

            counts, notes = self.files.convert(put, workers=None, progress=None)
            folder = self.prepared_folders()[0]
            ready = self._ready(folder, listed, counts=counts, notes=notes, contents=contents)
        self._check_official(self._images(listed, ready.counts))
        return ready

    def make(self, *, workers: int | None = None, progress: Progress | None = None) -> Ready:
        """Convert unless a whole conversion is there; see `DataSet`."""
        listed = self.files.listed()
        self._check_official(listed)
        made_from = self._made_from()
        ready = self._found(listed, made_from)
        if ready is None:
            folders = self.prepared_folders()
            folder = next((folder for folder in folders if writable(folder)), folders[0])
            note = self._convert(folder, made_from, workers=workers, progress=progress)
            ready = self._ready(folder, listed, counts=note.counts, notes=note.notes)
        self._check_official(self._images(listed, ready.counts))  # COCO's are known now
        return ready

    def check(self, *, workers: int | None = None, progress: Progress | None = None) -> Report:
        """Look at every unpacked file, and at what was converted; see `DataSet`."""
        report = Report(name=self.files.name)
        counts = self.files.check(report, workers=workers, progress=progress)
        self._report_numbers(report, counts)
        self.report_prepared(report)
        return report

    def prepared_folders(self) -> list[Path]:
        """Where the converted files may lie, the best place first."""
        if self.options.out is not None:
            return [self.options.out]
        name, root = self.files.name, self.root
        place = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:8]
        cache = self.options.cache or root
        return [root / "noisyseg" / name, cache / "prepared" / f"{name}-{place}"]

    def report_prepared(self, report: Report) -> None:
        """Add whether what was converted, if anything was, is whole and of these files."""
        ready = self.find()
        if ready is not None:
            report.remarks.append(f"prepared, and whole: {ready.train.annotations.parent}")
            return
        for folder in self.prepared_folders():
            if (folder / NOTE).is_file():
                report.faults.append(
                    Fault(
                        kind="converted files are damaged, or of other raw files",
                        where=str(folder),
                        mend="noisyseg data prepare makes them again (so does run)",
                    )
                )

    def _report_numbers(self, report: Report, found: Mapping[str, int]) -> None:
        for split, official in self.files.official.items():
            if found.get(split, official) == official:  # a list that cannot be read is told already
                continue
            text = f"{split} has {found[split]} images, officially {official}"
            if self.options.allow_partial:
                report.remarks.append(text)
            else:
                kind = "the number of images is not the official one"
                mend = f"{UNPACK}; or go on with --allow-partial"
                report.faults.append(Fault(kind=kind, where=text, mend=mend))

    def _made_from(self) -> dict[str, Any]:
        """What decides the converted files, as far as it can be told in a moment."""
        raw = sha256_bytes(self.files.state().encode())
        return {"converter": VERSION, "name": self.files.name, "raw_sha256": raw}

    def _found(
        self, listed: Mapping[str, int] | None, made_from: Mapping[str, Any]
    ) -> Ready | None:
        for folder in self.prepared_folders():
            note = read_note(folder, made_from)
            if note is not None:
                return self._ready(folder, listed, counts=note.counts, notes=note.notes)
        return None

    def _convert(
        self,
        folder: Path,
        made_from: Mapping[str, Any],
        *,
        workers: int | None,
        progress: Progress | None,
    ) -> Note:
        """Fill a prepared folder; its note is withdrawn first and written last."""
        files = []

        def put(split: str, blocks: Iterator[bytes]) -> None:
            write_blocks_atomically(annotation_file(folder, split), blocks)
            files.append(annotation_file(Path(), split).as_posix())

        withdraw_note(folder)
        counts, notes = self.files.convert(put, workers=workers, progress=progress)
        return write_note(folder, made_from=made_from, files=files, counts=counts, notes=notes)

    def _ready(
        self,
        folder: Path,
        listed: Mapping[str, int] | None,
        *,
        counts: dict[str, dict[str, int]],
        notes: list[str],
        contents: Mapping[str, bytes] | None = None,
    ) -> Ready:
        splits = self.files.splits(folder)
        whole = self._images(listed, counts) == self.files.official
        return Ready(
            name=self.files.name if whole else f"{self.files.name}-partial",
            train=splits["train"],
            eval=splits["val"],
            classes=self.files.classes,
            counts=counts,
            notes=notes,
            test=self.files.test(),
            contents=contents or {},
        )

    def _images(
        self, listed: Mapping[str, int] | None, counts: Mapping[str, Mapping[str, int]]
    ) -> Mapping[str, int]:
        return listed or {split: count["images"] for split, count in counts.items()}

    def _check_official(self, found: Mapping[str, int] | None) -> None:
        official, name = self.files.official, self.files.name
        if found is None or self.options.allow_partial or found == official:
            return
        split = next(split for split in official if found[split] != official[split])
        raise InputError(
            f"{name}: {split} has {found[split]} images in {self.folder}, officially "
            f"{official[split]}: unpack the archives again, or go on with "
            f"--allow-partial; records then say {name}-partial."
        )
