"""The specs of runs that lie in a store, read without the rest of their records."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypedDict

import msgspec
import orjson

from noisyseg.results.records.record import RunSpec
from noisyseg.results.records.store import RECORD_NAME, SPEC_NAME


def recorded_in(folders: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Key and spec of every run of these folders that has a record."""
    for run in folders:
        if os.path.isfile(f"{run}/{RECORD_NAME}"):
            spec = spec_in(run)
            if spec is not None:
                yield os.path.basename(run), spec


class _Named(TypedDict):
    name: str


class _Data(_Named, total=False):
    classes: list[str]
    limit: dict[str, Any]


class _Model(_Named):
    weights_sha256: str | None


class _Noise(TypedDict):
    seed: int
    steps: list[dict[str, Any]]


class _Readable(TypedDict):
    """What is asked of a spec here."""

    schema: int
    data: _Data
    protocol: _Named
    model: _Model
    method: _Named
    noise: _Noise | None
    training: dict[str, Any]
    train_seed: int
    eval: dict[str, Any]


class _OfRecord(TypedDict):
    """Nothing else of a record is decoded, which takes most of the time."""

    spec: Any


_RECORD = msgspec.json.Decoder(_OfRecord)


def spec_in(run: str) -> Mapping[str, Any] | None:
    """The spec in a run's folder; None if it cannot be read."""
    for name in (SPEC_NAME, RECORD_NAME):  # the first is short; stores of hand may lack it
        try:
            with open(f"{run}/{name}", "rb") as file:
                data = file.read()
            spec: RunSpec
            spec = orjson.loads(data) if name == SPEC_NAME else _RECORD.decode(data)["spec"]
            msgspec.convert(spec, _Readable)
        except (OSError, ValueError, LookupError, TypeError):
            continue
        return spec
    return None
