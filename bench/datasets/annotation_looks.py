"""The annotations of a COCO file looked at some thousand at a time: by all cores if there are many.

Whoever finds something unusual gives up: those who parse the file tell what it is.
"""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from noisyseg.annotation_files.columns import Columns, ImageTable, columns_in
from noisyseg.annotation_files.document import collector_paused, encode_annotations
from noisyseg.annotation_files.fields import FIELDS, all_fit
from noisyseg.annotation_files.file_layout import Numbers
from noisyseg.annotation_files.findings import Finding, Level
from noisyseg.annotation_files.mapped_file import Content, let_go, map_file
from noisyseg.annotation_files.shapes import AT_ONCE, shape_findings
from noisyseg.bench.datasets.converted import end_with

Document = dict[str, Any]

# Fewer parts are looked at before processes have started; with more processes the one that puts
# the parts together would be what is waited for.
_FEW_PARTS, _MOST_PROCESSES = 32, 4
_BEYOND = 1 << 63


class UnusualError(Exception):
    """Something that whoever parses the file must tell."""


class Look(NamedTuple):
    """What one part of the annotations gives.

    Attributes:
        block: the part as the prepared file has it, without a comma before it.
        columns: without the annotations themselves, the images and the categories.
        ids: of the annotations.
        findings: none of them an error.
    """

    block: bytes
    columns: Columns
    ids: Numbers
    findings: list[Finding]


class Looker:
    """Looks at parts of a file.

    Args:
        data: the file.
        document: the file without its annotations, with the run's categories.
    """

    def __init__(self, data: Content, document: Document) -> None:
        self._data = data
        self._categories = document["categories"]
        self._table = ImageTable.of(document["images"])

    def look(self, spans: Numbers) -> Look:
        """At the annotations in some spans [start, end) of the file, shape (N, 2).

        Raises:
            UnusualError: an annotation is of no image or no category, has a fault, or an id that
                is no 64-bit number.
        """
        entries = entries_in(self._data, spans)
        require(all_fit(entries, FIELDS["annotations"]))
        found = columns_in(entries, self._table, self._categories)
        require(len(found.annotations) == len(entries) == len(spans))
        require(bool((found.class_of >= 0).all()))
        ids = [entry["id"] for entry in entries]
        require(0 <= min(ids) <= max(ids) < _BEYOND)
        return Look(
            block=block_of(entries),
            columns=replace(found, annotations=(), images=(), categories=()),
            ids=np.array(ids, dtype=np.int64),
            findings=sound(list(shape_findings(found))),
        )


def looks(data: Content, spans: Numbers, document: Document) -> Iterator[Look]:
    """A look at each part, in the file's order, by this process."""
    looker = Looker(data, document)
    return map(looker.look, parts_of(spans))


def looks_beside(path: Path, spans: Numbers, document: Document) -> Iterator[Look]:
    """The same by several processes.

    Raises:
        BrokenProcessPool: one of them was killed.
    """
    with ProcessPoolExecutor(
        min(os.cpu_count() or 1, _MOST_PROCESSES),
        # Not forked: threads of the calling process may hold locks.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(os.getpid(), path, document),
    ) as pool:
        try:
            yield from pool.map(_look_beside, parts_of(spans))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def are_many(spans: Numbers) -> bool:
    """Whether several processes pay."""
    return len(spans) >= _FEW_PARTS * AT_ONCE


def parts_of(spans: Numbers) -> list[Numbers]:
    """Spans in the parts that are looked at."""
    return [spans[begin : begin + AT_ONCE] for begin in range(0, len(spans), AT_ONCE)]


def entries_in(data: Content, spans: Numbers) -> list[Any]:
    """The annotations in neighbouring spans, parsed."""
    let_go(data)
    entries: list[Any] = orjson.loads(b"[" + data[int(spans[0, 0]) : int(spans[-1, 1])] + b"]")
    return entries


def block_of(entries: list[Any]) -> bytes:
    """Annotations as a file has them within its list."""
    return encode_annotations(entries)[1:-1]


def sound(findings: list[Finding]) -> list[Finding]:
    """The findings themselves, if none is an error."""
    require(all(finding.level is not Level.ERROR for finding in findings))
    return findings


def require(usual: bool) -> None:
    """Give up if something is not as usual."""
    if not usual:
        raise UnusualError


_LOOKERS: list[Looker] = []  # one, in a process that was started to look


def _begin(parent: int, path: Path, document: Document) -> None:
    end_with(parent)
    _LOOKERS.append(Looker(map_file(path), document))


def _look_beside(spans: Numbers) -> Look:
    with collector_paused():
        return _LOOKERS[0].look(spans)
