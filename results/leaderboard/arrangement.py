"""Entries sorted into grounds and boards, the newest versions apart from the archived ones."""

import json
import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from noisyseg.files import canonical_json, sha256_bytes
from noisyseg.results.leaderboard.boards import KINDS, Board, Floor, Ground, Row, noise_types
from noisyseg.results.leaderboard.entry import (
    LEAST_SEEDS,
    Entry,
    EntryRun,
    Setting,
    decoded_draws,
    slug,
)
from noisyseg.results.leaderboard.standings import Standings, standings
from noisyseg.results.leaderboard.summaries import Summary, summaries
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.statistics.pair_tests import Drawn

FLOOR = "ce"
"""The method whose spread over seeds is the noise floor: plain cross entropy."""


def grounds_of(entries: Iterable[Entry]) -> list[Ground]:
    """Every ground with its boards: those with runs, those of the paper, the archived ones."""
    by_ground: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.id):
        by_ground.setdefault(entry.ground, []).append(entry)
    newest: dict[tuple[str, str, str], list[int]] = {}
    for some in by_ground.values():
        place = _line(some[0])
        newest[place] = max(newest.get(place, []), _age(some[0]))
    found = []
    for some in by_ground.values():
        old = _age(some[0]) < newest[_line(some[0])]
        current, older = _by_method_version(some)
        found.append(_ground(current, archived="of an older version" if old else ""))
        if older:
            found.append(_ground(older, archived="of older versions of methods", suffix="-older"))
    return sorted(found, key=lambda g: (bool(g.archived), g.first.kind == "reported", g.slug))


def _line(entry: Entry) -> tuple[str, str, str]:
    """What a newer version takes the place of."""
    return entry.data, entry.model, entry.protocol.name


def _age(entry: Entry) -> list[int]:
    versions = [entry.protocol.version]
    for part in ("training", "eval"):
        value = entry.versions.get(part)
        versions.append(value.get("version") if isinstance(value, dict) else value)
    return [version if isinstance(version, int) else 0 for version in versions]


def _by_method_version(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Those of each method's newest version, and the others.

    A version is of a method with its parameters: some numbers change only with some of them.
    """
    newest: dict[bytes, int] = {}
    own = [(entry, _parametrised(entry)) for entry in entries if _is_noisysegs(entry)]
    for entry, method in own:
        newest[method] = max(newest.get(method, 0), entry.method.version or 0)
    older = [entry for entry, method in own if (entry.method.version or 0) < newest[method]]
    archived = {entry.id for entry in older}
    return [entry for entry in entries if entry.id not in archived], older


def _parametrised(entry: Entry) -> bytes:
    return canonical_json([entry.method.name, entry.method.parameters])


def _is_noisysegs(entry: Entry) -> bool:
    """Whether its method is noisyseg's own: others name and number theirs as they like."""
    return entry.kind == "verified" and entry.method.file_sha256 is None


def _ground(entries: Sequence[Entry], *, archived: str, suffix: str = "") -> Ground:
    first = entries[0]
    if first.kind == "reported":
        name, labels = slug(first.ground), dict.fromkeys(n for e in entries for n in e.reported)
        boards = [_reported_board(label, entries) for label in labels]
    else:
        name = "-".join([*map(slug, _line(first)), first.ground[:8]])
        boards = sorted(_boards(entries), key=_place)
    return Ground(slug=name + suffix, entries=entries, boards=boards, archived=archived)


def _place(board: Board) -> tuple[bool, bool, str, float, str]:
    """Clean first, then symmetric noise, then the other types."""
    kinds = "" if board.noise is None else noise_types(board.noise)
    return bool(kinds), kinds != "symmetric", kinds, board.rate or 0.0, board.slug


def _boards(entries: Sequence[Entry]) -> list[Board]:
    """A board for every noise; where one label stands for several, each has its hash beside it."""
    found: dict[str, list[tuple[str, Entry]]] = {}
    for entry in entries:
        for label, setting in entry.settings.items():
            noise = canonical_json(setting.noise).decode()
            found.setdefault(noise, []).append((label, entry))
    labels = {noise: min(label for label, _ in some) for noise, some in found.items()}
    return [
        _board(labels[noise], noise, some, alone=list(labels.values()).count(labels[noise]) == 1)
        for noise, some in found.items()
    ]


def _board(label: str, noise: str, some: Sequence[tuple[str, Entry]], *, alone: bool) -> Board:
    short = sha256_bytes(noise.encode())[:6]
    settings = {entry.id: entry.settings[own] for own, entry in some}
    rows = [_row(entry, settings[entry.id]) for _, entry in some]
    first = next(iter(settings.values()))
    tested = standings(
        {row.entry.id: _drawn(settings[row.entry.id]) for row in rows if row.kind == KINDS[0]},
        images=first.images,
    )
    return Board(
        setting=label if alone else f"{label} ({short})",
        slug=slug(label) if alone and slug(label) == label else f"{slug(label)}-{short}",
        noise=json.loads(noise),
        rate=first.rate,
        images=first.images,
        rows=_ordered(rows, tested),
        comparisons=tested.comparisons,
        floor=_floor(rows),
    )


def _ordered(rows: Sequence[Row], tested: Standings) -> list[Row]:
    placed = [replace(row, standing=tested.places.get(row.entry.id)) for row in rows]
    return sorted(
        placed,
        key=lambda row: (
            KINDS.index(row.kind),
            math.isnan(row.mean),
            -row.mean if not math.isnan(row.mean) else 0.0,
            row.entry.id,
        ),
    )


def seeds_of(run: EntryRun) -> Hashable:
    """What pairs a run with another entry's."""
    return run.noise_seed, run.train_seed


def _row(entry: Entry, setting: Setting) -> Row:
    kind: str = entry.kind
    if kind == "verified":
        kind = KINDS[0] if len(_known(setting)) >= LEAST_SEEDS else KINDS[1]
    return Row(entry=entry, numbers=summaries(setting.runs), kind=kind)


def _known(setting: Setting) -> dict[Hashable, EntryRun]:
    """The runs that have a mask AP and draws of images, by seeds."""
    return {
        seeds_of(run): run
        for run in setting.runs
        if run.draws is not None and run.metrics.get(DEFAULT) is not None
    }


def _drawn(setting: Setting) -> dict[Hashable, Drawn]:
    return {
        seeds: Drawn(
            float(run.metrics[DEFAULT] or 0.0),
            decoded_draws(run.draws or "").astype(np.float64),
        )
        for seeds, run in _known(setting).items()
    }


def _floor(rows: Iterable[Row]) -> Floor | None:
    own = [
        row.numbers[DEFAULT]
        for row in rows
        if row.entry.method.name == FLOOR and _is_noisysegs(row.entry) and row.numbers
    ]
    known = [(one.n, one.sd) for one in own if one.sd is not None]
    if not known:
        return None
    squares = sum((n - 1) * sd * sd for n, sd in known)
    return Floor(
        sd=math.sqrt(squares / sum(n - 1 for n, _ in known)), runs=sum(n for n, _ in known)
    )


def _reported_board(label: str, entries: Sequence[Entry]) -> Board:
    rows = [
        Row(
            entry=entry,
            numbers={name: Summary(n=1, mean=own) for name, own in entry.reported[label].items()},
            kind="reported",
        )
        for entry in entries
        if label in entry.reported
    ]
    return Board(
        setting=label,
        slug=slug(label),
        noise=None,
        rate=None,
        images=0,
        rows=_ordered(rows, Standings({}, 0)),
        comparisons=0,
        floor=None,
    )
