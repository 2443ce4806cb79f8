"""From a suite to its runs: every method at every noise setting for every seed."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from noisyseg.annotation_files.annotation_index import write_index
from noisyseg.bench.config.suite import SeedPair, Suite
from noisyseg.bench.datasets.preparation import CheckedData, write_prepared
from noisyseg.bench.runs.inputs import SHARED, NoiseSettings, check
from noisyseg.bench.runs.run import Run
from noisyseg.bench.runs.train_files import train_files, write_train_files
from noisyseg.bench.training.version import TRAINING
from noisyseg.noise.spec import NoiseSpec
from noisyseg.results.evaluation.settings import EVALUATION
from noisyseg.results.records.record import RunSpec, run_key
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
    return _runs(suite, store, data, settings, shared)


def foresee(suite: Suite, store: RunStore, data: CheckedData, settings: NoiseSettings) -> list[Run]:
    """The runs that `expand` would give of checked data, with nothing written."""
    return _runs(suite, store, data, settings, store.root / SHARED)


def _runs(
    suite: Suite, store: RunStore, data: CheckedData, settings: NoiseSettings, shared: Path
) -> list[Run]:
    model = suite.model.resolved()
    runs = []
    for train_seed, noise_label, noise in _columns(settings, suite.seeds):
        annotations, manifest = train_files(data, noise, shared)
        for method_label, method in suite.methods.items():
            spec: RunSpec = {
                "schema": SCHEMA,
                "data": data.resolved,
                "protocol": suite.protocol,
                "model": model,
                "method": method.spec(),
                "noise": None if noise is None else noise.resolved(),
                "training": TRAINING,
                "train_seed": train_seed,
                "eval": EVALUATION,
            }
            run = Run(
                key=run_key(spec),
                spec=spec,
                method_label=method_label,
                noise_label=noise_label,
                seed=train_seed,
                noise_seed=None if noise is None else noise.seed,
                folder=store.folder(spec),
                train_annotations=annotations,
                train_images=data.source.train.images,
                eval_annotations=data.file("eval", shared),
                eval_images=data.source.eval.images,
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
