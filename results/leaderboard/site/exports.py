"""Everything that the pages show, as JSON and CSV; `schema.html` says what each field is."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from noisyseg.results.leaderboard.boards import Board, Ground, Row
from noisyseg.results.leaderboard.entry import LOGGED, Entry, EntryRun
from noisyseg.results.leaderboard.wording import groups
from noisyseg.results.records.metrics import DEFAULT, METRICS

FORMAT = 1
_METRICS = (*METRICS, *LOGGED)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def entry_json(entry: Entry) -> bytes:
    """An entry without its draws of images, which its bundle gives again."""
    settings = {
        label: msgspec.structs.replace(
            setting, runs=[msgspec.structs.replace(run, draws=None) for run in setting.runs]
        )
        for label, setting in entry.settings.items()
    }
    return _json(msgspec.structs.replace(entry, settings=settings))


def entries_json(grounds: Sequence[Ground]) -> bytes:
    """Every entry in short, with its places."""
    found: dict[str, dict[str, Any]] = {}
    for ground in grounds:
        for entry in ground.entries:
            found[entry.id] = {**_short(entry), "ground": ground.slug, "boards": {}}
        for board in ground.boards:
            for row in board.rows:
                found[row.entry.id]["boards"][board.slug] = _place(row)
    return _json({"format": FORMAT, "entries": [found[own] for own in sorted(found)]})


def boards_json(grounds: Sequence[Ground]) -> bytes:
    """Which boards there are."""
    return _json(
        {
            "format": FORMAT,
            "grounds": [
                {**_ground(ground), "boards": [board.slug for board in ground.boards]}
                for ground in grounds
            ],
        }
    )


def board_json(ground: Ground, board: Board) -> bytes:
    """A board with all metrics."""
    floor = None if board.floor is None else {"sd": board.floor.sd, "runs": board.floor.runs}
    rows = [
        {
            **{"entry": row.entry.id, "name": row.entry.card.get("name"), "kind": row.entry.kind},
            **_place(row),
            "metrics": {name: own._asdict() for name, own in row.numbers.items()},
        }
        for row in board.rows
    ]
    return _json(
        {
            "format": FORMAT,
            **_ground(ground),
            **{"setting": board.setting, "noise": board.noise, "rate": board.rate},
            **{"images": board.images, "comparisons": board.comparisons, "noise_floor": floor},
            "rows": rows,
        }
    )


def board_csv(board: Board) -> bytes:
    """A line an entry: means and, of mask AP, the rest."""
    head = ["entry", "name", "kind", "place", "rank", "rank_low", "rank_high", "groups"]
    head += ["n", "mean", "sd", "low", "high", *_METRICS]
    return _csv(head, (_line(row) for row in board.rows))


def runs_csv(board: Board) -> bytes:
    """A line a run."""
    names = sorted(
        {name for row in board.rows for run in _runs(row, board) for name in run.checksums}
    )
    head = ["entry", "name", "kind", "key", "noise_seed", "train_seed", "finished"]
    head += [*_METRICS, *(f"sha256 {name}" for name in names)]
    lines = (
        [row.entry.id, name, row.entry.kind, run.key]
        + [run.noise_seed, run.train_seed, _cell(run.finished)]
        + [run.metrics.get(metric) for metric in _METRICS]
        + [run.checksums.get(file) for file in names]
        for row in board.rows
        for name in [_cell(row.entry.card.get("name"))]
        for run in _runs(row, board)
    )
    return _csv(head, lines)


def _runs(row: Row, board: Board) -> Iterable[EntryRun]:
    for setting in row.entry.settings.values():
        if setting.noise == board.noise:
            yield from setting.runs


def _short(entry: Entry) -> dict[str, Any]:
    return {
        **{"id": entry.id, "kind": entry.kind, "date": entry.date, "card": entry.card},
        **{"suite": entry.suite, "data": entry.data, "model": entry.model},
        **{"family": entry.family, "protocol": entry.protocol, "method": entry.method},
        **{"versions": entry.versions, "bundle": entry.bundle, "checks": entry.checks},
    }


def _ground(ground: Ground) -> dict[str, Any]:
    first = ground.first
    return {
        **{"ground": ground.slug, "archived": ground.archived, "data": first.data},
        **{"model": first.model, "family": first.family, "protocol": first.protocol},
        "versions": first.versions,
    }


def _place(row: Row) -> dict[str, Any]:
    own = row.numbers.get(DEFAULT)
    rank, low, high, own_groups, _ = row.standing or (None, None, None, None, None)
    return {
        **{"place": row.kind, "rank": rank, "rank_low": low, "rank_high": high},
        "groups": own_groups,
        **({} if own is None else own._asdict()),
    }


def _line(row: Row) -> list[Any]:
    told = _place(row)
    told["groups"] = None if row.standing is None else groups(row)
    keys = ("place", "rank", "rank_low", "rank_high", "groups", "n", "mean", "sd", "low", "high")
    return [
        *(row.entry.id, _cell(row.entry.card.get("name")), row.entry.kind),
        *(told.get(key) for key in keys),
        *(row.numbers[name].mean if name in row.numbers else None for name in _METRICS),
    ]


def _json(value: object) -> bytes:
    return msgspec.json.encode(value, order="sorted") + b"\n"


def _csv(head: Sequence[str], lines: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(lines)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """What no spreadsheet takes for a formula; numbers stay what they are."""
    is_formula = isinstance(value, str) and value.startswith(_FORMULA)
    return f"'{value}" if is_formula else value
