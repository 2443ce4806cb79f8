"""A suite's runs by what a store has of them: where neither data nor weights are at hand.

A run's key is made from its data and its weights by content. Where records of the suite lie, their
specs say that content, and the keys of all other runs of the suite follow.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from noisyseg.bench.config.suite import SeedPair, Suite
from noisyseg.bench.datasets.preparation import prepared_folder
from noisyseg.bench.datasets.source import names_in_records
from noisyseg.bench.runs.grid import SCHEMA, Ground, runs_on
from noisyseg.bench.runs.inputs import SHARED, parse_noise
from noisyseg.bench.runs.recorded_specs import recorded_in
from noisyseg.bench.runs.run import Run
from noisyseg.bench.training.version import TRAINING
from noisyseg.errors import InputError
from noisyseg.files import canonical_json, sha256_bytes, sorted_json
from noisyseg.methods.registry import is_known
from noisyseg.results.evaluation.settings import EVALUATION
from noisyseg.results.records.store import RunStore, folders_in
from noisyseg.shared_work import in_parts

VERSIONS: Mapping[str, Any] = {"schema": SCHEMA, "training": TRAINING, "eval": EVALUATION}
"""What specs say of this noisyseg: their own schema, its training, its evaluation."""


@dataclass(kw_only=True, frozen=True)
class Content:
    """Data and weights by content, and the versions of training and evaluation.

    Attributes:
        common: what specs have alike that are of it: schema, data, model, training, eval.
    """

    common: Mapping[str, Any]

    @cached_property
    def digest(self) -> str:
        """Of all of it but the suite's own model: 12 hex digits."""
        named = {**self.common, "model": self.common["model"]["weights_sha256"]}
        return sha256_bytes(canonical_json(named))[:12]

    @property
    def current(self) -> bool:
        """Whether this version of noisyseg would make the same numbers."""
        return all(self.common[part] == version for part, version in VERSIONS.items())


def content_of(spec: Mapping[str, Any]) -> Content:
    """What a run's spec says of it."""
    return Content(common=orjson.loads(_content_part(spec)))


@dataclass(kw_only=True, frozen=True)
class Recorded:
    """What a store has of a suite, done or failed.

    Attributes:
        runs: key → seeds of each of the suite's runs that has a record, whatever they are. A clean
            run has no noise seed: it counts for the pair of its train seed twice.
        contents: what these are of, those with most records first, and how many each has.
        others: names of further known methods with records of the same data, model and protocol.
        unlike: how many records of its methods are of other parameters, noise, model or protocol.
    """

    runs: Mapping[str, SeedPair]
    contents: Sequence[tuple[Content, int]]
    others: Sequence[str]
    unlike: int

    @property
    def seeds(self) -> list[SeedPair]:
        """Of its runs."""
        return sorted({*self.runs.values()})


def recorded(suite: Suite, store: RunStore) -> Recorded:
    """What a store has of a suite, by what its specs say; no number is read.

    Raises:
        InputError: noise that fits the classes of no record.
    """
    own = {method.method.name for method in suite.methods.values()}
    folders, others = [], []
    for folder in _method_folders(suite, store):
        if folder.name in own:
            folders += folders_in(folder)
        elif is_known(folder.name) and any(
            is_alike(spec, suite) for _, spec in recorded_in(folders_in(folder))
        ):
            others.append(folder.name)
    found = _Found()
    for part in in_parts(lambda some: _own_in(some, suite), folders):
        found.add(part)
    if found.misfit is not None and not found.runs:
        raise found.misfit
    contents = [(Content(common=orjson.loads(part)), n) for part, n in found.contents.items()]
    contents.sort(key=lambda entry: (-entry[1], entry[0].digest))
    return Recorded(runs=found.runs, contents=contents, others=others, unlike=found.unlike)


@dataclass(kw_only=True, slots=True)
class _Found:
    """What some folders have of a suite; attributes as in `Recorded`.

    Attributes:
        contents: part of a spec that says them → how many records.
        misfit: what is wrong with the suite's noise for the classes of some record.
    """

    runs: dict[str, SeedPair] = field(default_factory=dict)
    contents: Counter[bytes] = field(default_factory=Counter)
    unlike: int = 0
    misfit: InputError | None = None

    def add(self, other: "_Found") -> None:
        self.runs |= other.runs
        self.contents += other.contents
        self.unlike += other.unlike
        self.misfit = self.misfit or other.misfit


def _own_in(folders: Iterable[str], suite: Suite) -> _Found:
    found, cells = _Found(), _Cells(suite)
    for key, spec in recorded_in(folders):
        if not (is_alike(spec, suite) and cells.hold(spec)):
            found.unlike += 1
            continue
        train = spec["train_seed"]
        found.runs[key] = SeedPair((spec["noise"] or {}).get("seed", train), train)
        found.contents[_content_part(spec)] += 1
    found.misfit = cells.misfit
    return found


def _content_part(spec: Mapping[str, Any]) -> bytes:
    return sorted_json({part: spec[part] for part in (*VERSIONS, "data", "model")})


def _method_folders(suite: Suite, store: RunStore) -> Iterator[Path]:
    for name in names_in_records(suite.data, suite.data_options):
        yield from map(Path, folders_in(store.root / name))


class _Cells:
    """The suite's methods and noise settings, as specs have them.

    Attributes:
        misfit: what is wrong with the noise for the classes of some record; None if nothing is.
    """

    def __init__(self, suite: Suite) -> None:
        self.misfit: InputError | None = None
        self._suite = suite
        self._methods = [method.spec() for method in suite.methods.values()]
        self._steps: dict[tuple[str, ...], list[Any]] = {}

    def hold(self, spec: Mapping[str, Any]) -> bool:
        """Whether a spec's method and noise are ones of the suite."""
        classes = tuple(spec["data"]["classes"])
        if classes not in self._steps:
            self._steps[classes] = self._steps_for(classes)
        steps = None if spec["noise"] is None else spec["noise"]["steps"]
        return spec["method"] in self._methods and steps in self._steps[classes]

    def _steps_for(self, classes: Sequence[str]) -> list[Any]:
        try:
            settings = parse_noise(self._suite, classes)
        except InputError as error:
            self.misfit = error
            return []
        return [
            None if steps is None else [step.resolved() for step in steps]
            for steps in settings.values()
        ]


def is_alike(spec: Mapping[str, Any], suite: Suite) -> bool:
    """Whether a spec has the suite's protocol, its model but for the weights, and its choices of
    classes and images.
    """
    data, raw = spec["data"], suite.data
    model = suite.model
    own = {"name": model.name, "version": model.version, "detector": model.detector}
    limits = {part: raw[part].get("limit") for part in ("train", "eval") if part in raw}
    return (
        spec["protocol"] == suite.protocol
        and {**spec["model"], "weights_sha256": None} == {**own, "weights_sha256": None}
        and "classes" in data
        and raw.get("classes", data["classes"]) == data["classes"]
        and raw.get("images", "any") == data.get("images", "any")
        and all(data.get("limit", {}).get(part) == limit for part, limit in limits.items())
    )


def runs_of(content: Content, suite: Suite, store: RunStore) -> list[Run]:
    """The suite's runs, done or not, on data and weights of that content; no file of theirs need
    be there.
    """
    data, shared = content.common["data"], store.root / SHARED
    folder = shared / prepared_folder(data)
    ground = Ground(
        common=content.common,
        train_files=lambda noise: (folder / "train.json", None),
        train_images=Path(),
        eval_annotations=folder / "eval.json",
        eval_images=Path(),
    )
    return runs_on(ground, suite, store, parse_noise(suite, data["classes"]))
