"""Published entries: a folder of `entries/<id>/entry.json`, and the paper's numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.results.leaderboard.entry import FILE, Checks, Entry, MethodSpec, Protocol
from noisyseg.results.leaderboard.entry import read_entry as read
from noisyseg.results.paper.published import PublishedTable, published_names, published_table

FOLDER = "entries"
BUNDLE = "bundle.zip"
PAPER = "paper: "
"""What the ground of a reported entry begins with: the paper's table follows."""
_TITLE = "Learning with Noisy Class Labels for Instance Segmentation"
_AUTHORS = ["Longrong Yang", "Fanman Meng", "Hongliang Li", "Qingbo Wu", "Qishang Cheng"]
_DOI = "https://doi.org/10.1007/978-3-030-58568-6_3"
_DATE = "2020-08-23"  # the first day of ECCV 2020


def read_published(folder: Path) -> list[Entry]:
    """The entries of a published folder, by id.

    Raises:
        InputError: no such folder, an entry that is none, or one in another's place.
    """
    entries = folder / FOLDER
    if not entries.is_dir():
        raise InputError(
            f"no entries are published in {folder}: wanted {entries}/<id>/{FILE}. "
            "`noisyseg leaderboard verify BUNDLE --publish FOLDER` writes one."
        )
    found = []
    for place in entry_folders(folder):
        entry = read(place / FILE)
        if entry.id != place.name:
            raise InputError(f"{place / FILE}: the id is {entry.id!r}, the folder's {place.name!r}")
        if (entry.kind == "reported") != entry.ground.startswith(PAPER):
            raise InputError(
                f"{place / FILE}: {entry.kind} entries have no ground {entry.ground!r}: reported "
                f"ones alone have one that begins with {PAPER!r}."
            )
        found.append(entry)
    return found


def entry_folders(folder: Path) -> list[Path]:
    """The folders of a published folder's entries; what publishing left that was stopped is none.

    Its name begins with a dot.
    """
    places = (folder / FOLDER).glob("[!.]*")
    return sorted(place for place in places if place.is_dir())


def bundle_path(folder: Path, entry: Entry) -> Path | None:
    """Where an entry's bundle lies; None where it is not included.

    Raises:
        InputError: it should be there and is not, or is another one.
    """
    if entry.bundle is None or not entry.bundle.included:
        return None
    path = folder / FOLDER / entry.id / BUNDLE
    if not path.is_file():
        raise InputError(f"{path} is missing: the entry says that its bundle is included.")
    if sha256_file(path) != entry.bundle.sha256:
        raise InputError(f"{path} is another file than the bundle of its entry: get it again.")
    return path


def paper_entries() -> list[Entry]:
    """The paper's tables as entries: numbers that nobody recomputed."""
    tables = [published_table(name) for name in published_names()]
    return [_reported(table, method) for table in tables for method in _methods(table)]


def _methods(table: PublishedTable) -> Sequence[str]:
    return list(dict.fromkeys(method for method, _, _ in table.cells))


def _reported(table: PublishedTable, method: str) -> Entry:
    numbers: dict[str, dict[str, float]] = {}
    for (own, noise, metric), cell in table.cells.items():
        if own == method and cell.value is not None:
            numbers.setdefault(noise, {})[metric] = cell.value
    card: dict[str, Any] = {
        "format": 1,
        "name": method,
        "method": method,
        "authors": _AUTHORS,
        "paper": {"title": _TITLE, "url": _DOI, "year": 2020},
        "code": None,
        "licence": "",
        "summary": f"A row of the paper's {table.name}: {table.title}.",
        "parameters": {},
        "tuned_on": "",
        "extra_data": None,
        "pretrained": "ImageNet",
    }
    return Entry(
        format=1,
        id=f"paper-{table.name}-{method}".replace("_", "-"),
        kind="reported",
        date=_DATE,
        card=card,
        bundle=None,
        suite=f"paper {table.name}",
        data=table.title.partition(" (")[0],
        model="mask-rcnn-r50",
        family="Mask R-CNN",
        protocol=Protocol(name="as in the paper", version=None),
        method=MethodSpec(name=method, version=None, file_sha256=None, parameters={}),
        ground=f"{PAPER}{table.name}",
        versions={},
        settings={},
        reported=numbers,
        source=" ".join([_TITLE, "(ECCV 2020),", table.name]),
        checks=Checks(
            holds=0,
            remarks=[*table.notes, *([table.not_comparable] if table.not_comparable else [])],
            unchecked=["Reported in a paper: no runs, no seeds, no spread; nobody recomputed it."],
            claimed=[],
        ),
    )
