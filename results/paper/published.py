"""The paper's own numbers, each with where it was read."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from noisyseg.errors import unknown_name
from noisyseg.located_yaml import Located, located, read_yaml

FILE = Path(__file__).with_name("paper_tables.yaml")
UNKNOWN = "unknown"


class PublishedCell(NamedTuple):
    """A published number.

    Attributes:
        value: in percent; None if it could not be recovered.
        source: text, derived, figure or summary (see `paper_tables.yaml`); unknown without a value.
    """

    value: float | None
    source: str


@dataclass(kw_only=True, slots=True, frozen=True)
class PublishedTable:
    """One of the paper's tables.

    Attributes:
        name: as suites name it.
        title: what it is of.
        not_comparable: why ours is of something else; None where it is not.
        notes: what a reader of its numbers must know.
        cells: (method label, noise label, metric) → number, with unknown ones.
    """

    name: str
    title: str
    not_comparable: str | None
    notes: tuple[str, ...]
    cells: dict[tuple[str, str, str], PublishedCell]

    def cell(self, method: str, noise: str, metric: str) -> PublishedCell | None:
        """A cell of the paper's; None where the paper has none."""
        return self.cells.get((method, noise, metric))


def published_names() -> list[str]:
    """Names of the paper's tables."""
    return list(_content())


def published_table(name: str, where: str = "") -> PublishedTable:
    """A table by its name.

    Raises:
        InputError: there is no such table.
    """
    tables = _content()
    if name not in tables:
        raise unknown_name("published table", name, tables, where)
    raw = tables[name]
    source_of = {
        entry: source
        for source, entries in raw["sources"].items()
        for entry in (_all_entries(raw) if entries == "all" else entries)
    }
    cells = {}
    for method, row in raw["rows"].items():
        for key, value in row.items():
            # Columns are noise settings of one metric, or metrics at one noise setting.
            by_metric = len(raw["metrics"]) > 1
            noise = raw["columns"][0] if by_metric else key
            metric = f"segm.{key}" if by_metric else raw["metrics"][0]
            source = UNKNOWN if value is None else source_of[f"{method}.{key}"]
            cells[method, noise, metric] = PublishedCell(value, source)
    return PublishedTable(
        name=name,
        title=raw["title"],
        not_comparable=raw["not_comparable"],
        notes=tuple(raw.get("notes", ())),
        cells=cells,
    )


def _all_entries(raw: Located) -> list[str]:
    return [f"{method}.{key}" for method, row in raw["rows"].items() for key in row]


@cache
def _content() -> Located:
    return located(read_yaml(FILE)["tables"], what="tables", where=str(FILE))
