"""A store's records as a data frame: a row per run.

::

    from noisyseg.results.frame import load

    runs = load("runs")
    done = runs[runs.status == "done"]
    done.pivot_table(index="method", columns="noise", values="segm.AP", aggfunc=["mean", "count"])
"""

import json
import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from noisyseg.errors import InputError, unknown_name
from noisyseg.files import canonical_json, sha256_bytes
from noisyseg.results.records.metrics import DEFAULT, METRICS, metric_value
from noisyseg.results.records.noise_name import noise_name
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore
from noisyseg.results.statistics.derived import DERIVED, RELATIVE, relative
from noisyseg.results.tables.shown_table import Table, table_of
from noisyseg.results.tables.standings import standings
from noisyseg.results.tables.table import summarise
from noisyseg.shared_work import in_parts

COLUMNS = {**METRICS, RELATIVE: DERIVED[RELATIVE]}
"""Column of a number → what it is."""
IDENTITY = ("data", "protocol", "model", "training", "eval")
"""Of the spec: where two runs differ in these, their numbers are of different things."""


def load(path: Path | str) -> pd.DataFrame:
    """Every record in a store, done or failed.

    Args:
        path: a store, as `--out` names it.

    Returns:
        A row per run, in the order of the files, with the columns

        - `key`, `status` (done or failed), `failure` (its message);
        - `data`, `protocol`, `model`: their names;
        - `method`, `version` (of a method of one's own its file's hash), `parameters` (JSON);
        - `noise` (such as symmetric-0.4, or clean), `noise_spec` (its steps, JSON), `noise_seed`
          (missing for clean), `train_seed`;
        - `setting`: equal for runs that may be compared: all of the spec but method, noise and
          seeds, as the first 8 digits of its hash;
        - `tool`: the program that evaluated; a column for each of `METRICS`, in percent, and
          `relative.AP`, mask AP in percent of that with clean labels of the same setting, method
          and train seed, wherever in the store that is;
        - `folder`.

        `frame.attrs["problems"]` lists the files that hold no valid record.

    Raises:
        InputError: there is no such folder, or it holds no record.
    """
    root = Path(path)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder. Wanted a store of runs, as --out names it.")
    store = RunStore(root)

    def rows_of(folders: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
        problems: list[str] = []
        return _rows(store.records_in(folders, problems), store), problems

    parts = list(in_parts(rows_of, list(store.run_folders())))
    problems = [text for _, told in parts for text in told]
    frame = _framed([row for rows, _ in parts for row in rows])
    if not len(frame):
        also = f" {len(problems)} files hold no valid one: {problems[0]}" if problems else ""
        raise InputError(f"{root} holds no record of a run.{also}")
    frame.attrs["problems"] = problems
    return frame


def _rows(records: Iterable[Record], store: RunStore) -> list[dict[str, Any]]:
    settings = _Settings()
    return [_row(record, store, settings) for record in records]


def _framed(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    if len(frame):
        frame[RELATIVE] = _relative(frame)
    return frame


def _relative(frame: pd.DataFrame) -> list[float]:
    """Mask AP of each row in percent of its clean one's; NaN without one."""
    parts = (frame[name] for name in ("setting", "method", "version", "parameters", "train_seed"))
    twins = list(zip(*parts, strict=True))
    rows = list(zip(twins, frame["noise_seed"].isna(), frame[DEFAULT], strict=True))
    clean = {twin: value for twin, is_clean, value in rows if is_clean}
    return [relative(value, clean.get(twin)) for twin, _, value in rows]


def tabulated(
    frame: pd.DataFrame,
    *,
    title: str,
    metric: str = DEFAULT,
    notes: Sequence[str] = (),
) -> Table:
    """A table of a frame's runs, methods by noise, averaged over seeds.

    Args:
        frame: as `load` gives it, or a part of it.
        title: the table's heading.
        metric: one of `COLUMNS`.
        notes: what a reader must know.

    Raises:
        InputError: runs of several settings (data, protocol, model or evaluation) or of several
            versions of a method, which no average may mix; a run that is there twice with other
            numbers; no such metric.
    """
    if metric not in COLUMNS:
        raise unknown_name("metric", metric, COLUMNS)
    _refuse_mixtures(frame)
    frame = _without_copies(frame)
    methods = _labels(frame, "method", "parameters")
    noises = _labels(frame, "noise", "noise_spec")
    cells: dict[tuple[str, str], dict[Hashable, tuple[str, float]]] = {}
    columns = (
        methods,
        noises,
        frame["noise_seed"],
        frame["train_seed"],
        frame["status"],
        frame[metric],
    )
    for method, noise, noise_seed, train_seed, status, value in zip(*columns, strict=True):
        seed = (None if pd.isna(noise_seed) else int(noise_seed), int(train_seed))
        cells.setdefault((method, noise), {})[seed] = (status, float(value))
    summary = summarise(
        cells, methods=list(dict.fromkeys(methods)), noises=list(dict.fromkeys(noises))
    )
    table = table_of(summary, title=title, metric=metric, value_name=COLUMNS[metric], notes=notes)
    marks = {(*cell, metric): mark for cell, mark in standings(cells).items()}
    return replace(table, standings=marks)


def _refuse_mixtures(frame: pd.DataFrame) -> None:
    if not len(frame):
        raise InputError("there is no run to tabulate")
    kinds = frame.drop_duplicates("setting")
    if len(kinds) > 1:
        counts = Counter(frame["setting"])
        some = "; ".join(
            f"{row.setting}: {counts[row.setting]} runs of {row.data}, {row.protocol}, {row.model}"
            for row in list(kinds.itertuples())[:5]
        )
        raise InputError(
            f"runs of {len(kinds)} settings, whose numbers are of different things: {some}. Take "
            'one: frame[frame.setting == "…"].'
        )
    versions = frame.drop_duplicates(["method", "version"])
    twice = [name for name, count in Counter(versions["method"]).items() if count > 1]
    if twice:
        found = ", ".join(versions[versions["method"] == twice[0]]["version"])
        raise InputError(
            f"runs of {len(versions[versions['method'] == twice[0]])} versions of method "
            f"{twice[0]!r}: {found}. Take one: frame[frame.version == …]."
        )


def _without_copies(frame: pd.DataFrame) -> pd.DataFrame:
    """Each key once; a folder may have been copied, and then says the same."""
    unique = frame.drop_duplicates("key")
    if len(unique) == len(frame):
        return frame
    numbers = ["key", "status", *METRICS]
    for key, rows in frame[frame["key"].duplicated(keep=False)].groupby("key"):
        if len(rows[numbers].drop_duplicates()) > 1:
            folders = " and ".join(rows["folder"])
            raise InputError(f"the run {key} is there twice with other numbers: {folders}.")
    return unique


def _labels(frame: pd.DataFrame, name: str, detail: str) -> list[str]:
    """The names, with their details where one name stands for several."""
    pairs = frame[[name, detail]].drop_duplicates()
    several = {label for label, count in Counter(pairs[name]).items() if count > 1}
    return [
        f"{label} {text}" if label in several else label
        for label, text in zip(frame[name], frame[detail], strict=True)
    ]


def _row(record: Record, store: RunStore, settings: "_Settings") -> dict[str, Any]:
    spec, metrics = record["spec"], record["metrics"] or {}
    return {
        "key": record["key"],
        "status": record["status"],
        "failure": record["failure"]["message"] if record["failure"] else None,
        **{part: spec[part]["name"] for part in ("data", "protocol", "model", "method")},
        "version": str(spec["method"].get("version") or spec["method"].get("file_sha256")),
        "parameters": json.dumps(spec["method"].get("parameters"), sort_keys=True),
        "noise": noise_name(spec["noise"]),
        "noise_spec": json.dumps(spec["noise"] and spec["noise"]["steps"], sort_keys=True),
        "noise_seed": None if spec["noise"] is None else spec["noise"]["seed"],
        "train_seed": spec["train_seed"],
        "setting": settings.name(spec),
        "tool": metrics.get("tool"),
        **{name: _or_nan(metric_value(metrics, name)) for name in METRICS},
        "folder": str(store.root / spec["data"]["name"] / spec["method"]["name"] / record["key"]),
    }


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


class _Settings:
    """Short names of what runs in one table must share; neighbours in a store mostly do."""

    def __init__(self) -> None:
        self._last: list[Any] = []
        self._name = ""

    def name(self, spec: Mapping[str, Any]) -> str:
        parts = [spec[part] for part in IDENTITY]
        if parts != self._last:
            self._last = parts
            self._name = sha256_bytes(canonical_json(parts))[:8]
        return self._name
