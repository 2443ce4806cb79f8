"""From a suite to its runs: every method at every noise setting for every seed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from noisyseg.annotation_files.annotation_index import write_index
from noisyseg.bench.config.suite import SeedPair, Suite
from noisyseg.bench.datasets.preparation import CheckedData, write_prepared
from noisyseg.bench.runs.inputs import SHARED, NoiseSettings, check
from noisyseg.bench.runs.run import Run
from noisyseg.bench.runs.train_files import train_files, write_train_files
from noisyseg.bench.training.version import TRAINING
from noisyseg.noise.spec import NoiseSpec
from noisyseg.results.evaluation.settings import EVALUATION
from noisyseg.results.records.record import RunSpec, canonical_part, key_of_parts
from noisyseg.results.records.store import RunStore

SCHEMA = 1

Tell = Callable[[Iterable[str]], None]


def expand(
    suite: Suite,
    store: RunStore,
    *,
    shared: Path | None = None,
    tell: Tell | None = None,
    checked: tuple[CheckedData, NoiseSettings] | None = None,
) -> list[Run]:
    """The suite's runs, their annotation files written; equal runs share a key.

    Args:
        suite: what to run.
        store: where the runs lie.
        shared: folder of annotation files; the store's own by default.
        tell: given what should be known of data and noise, lines of text.
        checked: what `check` gives of it, with its data made; None where nobody has checked yet.
    Raises:
        InputError: unusable data or noise; nothing has been trained then.
    """
    shared = shared or store.root / SHARED
    data, settings = checked or check(suite, shared=shared, make=True)
    if tell is not None:
        tell(data.warnings)
    write_prepared(data, shared)
    for part in ("train", "eval"):
        write_index(data.file(part, shared))
    columns = _columns(settings, suite.seeds)
    for noise, label in {noise: label for _, label, noise in columns if noise is not None}.items():
        found = write_train_files(data, noise, shared, label)
        write_index(train_files(data, noise, shared)[0])
        if tell is not None:
            tell(found)
    return runs_on(_ground(suite, data, shared), suite, store, settings)


def foresee(suite: Suite, store: RunStore, data: CheckedData, settings: NoiseSettings) -> list[Run]:
    """The runs that `expand` would give of checked data, with nothing written."""
    return runs_on(_ground(suite, data, store.root / SHARED), suite, store, settings)


@dataclass(kw_only=True, slots=True, frozen=True)
class Ground:
    """What all runs of a suite stand on, and where its files lie.

    Attributes:
        common: what the specs of all have alike: schema, data, model, training, eval.
        train_files: of a noise, None for clean: the annotation file to train on, and its manifest.
    """

    common: Mapping[str, Any]
    train_files: Callable[[NoiseSpec | None], tuple[Path, Path | None]]
    train_images: Path
    eval_annotations: Path
    eval_images: Path


def _ground(suite: Suite, data: CheckedData, shared: Path) -> Ground:
    return Ground(
        common={
            "schema": SCHEMA,
            "data": data.resolved,
            "model": suite.model.resolved(),
            "training": TRAINING,
            "eval": EVALUATION,
        },
        train_files=lambda noise: train_files(data, noise, shared),
        train_images=data.source.train.images,
        eval_annotations=data.file("eval", shared),
        eval_images=data.source.eval.images,
    )


def runs_on(ground: Ground, suite: Suite, store: RunStore, settings: NoiseSettings) -> list[Run]:
    """Every method at every noise setting for every seed of a suite; nothing is written."""
    runs = []
    common = {**ground.common, "protocol": suite.protocol}
    parts = {part: canonical_part(value) for part, value in common.items()}
    methods = {label: method.spec() for label, method in suite.methods.items()}
    method_parts = {label: canonical_part(spec) for label, spec in methods.items()}
    for train_seed, noise_label, noise in _columns(settings, suite.seeds):
        annotations, manifest = ground.train_files(noise)
        column = {"noise": None if noise is None else noise.resolved(), "train_seed": train_seed}
        parts |= {part: canonical_part(value) for part, value in column.items()}
        for method_label, method in suite.methods.items():
            own = {**common, **column, "method": methods[method_label]}
            spec = cast(RunSpec, own)  # as `Ground` says
            key = key_of_parts({**parts, "method": method_parts[method_label]})
            run = Run(
                key=key,
                spec=spec,
                method_label=method_label,
                noise_label=noise_label,
                seed=train_seed,
                noise_seed=None if noise is None else noise.seed,
                folder=store.place(spec, key),
                train_annotations=annotations,
                train_images=ground.train_images,
                eval_annotations=ground.eval_annotations,
                eval_images=ground.eval_images,
                manifest=manifest,
                weights=suite.model.weights,
                method_source=method.method.source,
            )
            runs.append(run)
    return runs


def _columns(
    settings: NoiseSettings, seeds: Sequence[SeedPair]
) -> list[tuple[int, str, NoiseSpec | None]]:
    """Train seed, label and noise of every column and pair of seeds, the settings changing fastest.

    Without noise a noise seed changes nothing: of a train seed's clean runs there is one.
    """
    columns: list[tuple[int, str, NoiseSpec | None]] = []
    clean: set[tuple[int, str]] = set()
    for pair in seeds:
        for label, steps in settings.items():
            if steps is not None:
                columns.append((pair.train, label, NoiseSpec(steps=steps, seed=pair.noise)))
            elif (pair.train, label) not in clean:
                clean.add((pair.train, label))
                columns.append((pair.train, label, None))
    return columns
