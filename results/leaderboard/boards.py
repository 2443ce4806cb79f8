"""Boards: the entries whose numbers may be compared, at one noise setting each.

A board has one data set, model, protocol and version of training and evaluation (a *ground*), one
noise and one version of each method. Older ones are archived, on grounds of their own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from noisyseg.results.leaderboard.entry import Entry
from noisyseg.results.leaderboard.standings import Standing
from noisyseg.results.leaderboard.summaries import Summary
from noisyseg.results.records.metrics import DEFAULT

KINDS = ("ranked", "provisional", "imported", "reported")
"""How a row stands on its board, in this order; only the first have a rank."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """An entry on a board.

    Attributes:
        numbers: metric → over its runs; those that no run has are left out.
        kind: one of `KINDS`.
        standing: None unless it is ranked.
    """

    entry: Entry
    numbers: Mapping[str, Summary]
    kind: str
    standing: Standing | None = None

    @property
    def mean(self) -> float:
        """Mask AP, in percent; NaN without one."""
        return self.numbers[DEFAULT].mean if DEFAULT in self.numbers else math.nan


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """The noise floor: what another seed alone changes.

    Attributes:
        sd: of mask AP over seeds, pooled.
        runs: how many it is of.
    """

    sd: float
    runs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """Entries at one noise setting.

    Attributes:
        setting: the suites' label of it.
        slug: as part of an address.
        noise: without its seed; None for clean labels, and where it is reported.
        rate: see `entry.Setting`.
        images: evaluated; 0 where it is reported.
        rows: by kind, the best first.
        comparisons: how many tests of pairs were corrected for.
        floor: None where no `ce` has two seeds.
    """

    setting: str
    slug: str
    noise: Mapping[str, Any] | None
    rate: float | None
    images: int
    rows: Sequence[Row]
    comparisons: int
    floor: Floor | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """Boards of one data set, model, protocol and version.

    Attributes:
        slug: as part of an address.
        entries: all of them, by id.
        boards: clean first, then by type and rate of the noise.
        archived: why it is not compared with the newest; empty for the newest.
    """

    slug: str
    entries: Sequence[Entry]
    boards: Sequence[Board]
    archived: str

    @property
    def first(self) -> Entry:
        """An entry, to say what all have in common."""
        return self.entries[0]


def noise_types(noise: Mapping[str, Any]) -> str:
    """The types of a noise's steps, such as symmetric or asymmetric+missing."""
    return "+".join(str(step.get("type", "noise")) for step in noise.get("steps", ()))
