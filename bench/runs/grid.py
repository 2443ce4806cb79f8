"""From a suite to its runs: every method at every noise setting for every seed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from noisyseg.annotation_files.columns import columns_of
from noisyseg.annotation_files.usage import trained_annotations
from noisyseg.bench.config.suite import SeedPair, Suite
from noisyseg.bench.datasets.preparation import CheckedData, check_data, write_prepared
from noisyseg.bench.datasets.source import load_source
from noisyseg.bench.datasets.split import Split
from noisyseg.bench.runs.confusion_step import with_matrices
from noisyseg.bench.training.version import TRAINING
from noisyseg.errors import InputError
from noisyseg.files import canonical_json, sha256_bytes
from noisyseg.methods.plugins import MethodSource
from noisyseg.noise.files.manifest_file import read_manifest
from noisyseg.noise.files.noisy_files import noisy_files, write_noisy
from noisyseg.noise.noise_warnings import foreseen_warnings, noise_warnings
from noisyseg.noise.spec import NoiseSpec, NoiseStep, parse_steps
from noisyseg.results.evaluation.evaluation import EVALUATION
from noisyseg.results.records.record import RunSpec, run_key
from noisyseg.results.records.store import RunStore

SCHEMA = 1
# Prepared and noisy annotation files are shared by content; the dot keeps the folder apart from
# the data sets' folders, whose names cannot begin with one.
SHARED = ".annotations"

Tell = Callable[[Iterable[str]], None]


@dataclass(kw_only=True, slots=True, frozen=True)
class Run:
    """One training and evaluation, and where its files lie.

    Attributes:
        spec: what decides its result; its hash is the key.
        seed: the train seed.
        noise_seed: of its noise; None for a clean run.
        folder: the run's folder in the store.
        train_annotations: the file to train on, noisy or clean.
        manifest: of the noise; None for a clean run.
        method_source: the method's file, if it is one of the user's own.
        submission: images whose detections go to COCO's server; None for most runs.
    """

    key: str
    spec: RunSpec
    method_label: str
    noise_label: str
    seed: int
    noise_seed: int | None
    folder: Path
    train_annotations: Path
    train_images: Path
    eval_annotations: Path
    eval_images: Path
    manifest: Path | None
    weights: Path | None
    method_source: MethodSource | None = None
    submission: Split | None = None

    @property
    def label(self) -> str:
        """How the run is called on the screen."""
        return f"{self.method_label} · {self.noise_label} · seed {self.seed_label}"

    @property
    def seed_label(self) -> int | str:
        """The one seed, or noise seed and train seed where they differ."""
        if self.noise_seed is None or self.noise_seed == self.seed:
            return self.seed
        return f"{self.noise_seed}/{self.seed}"

    @property
    def seeds(self) -> tuple[int | None, int]:
        """Noise seed, None for a clean run, and train seed."""
        return self.noise_seed, self.seed


def check(
    suite: Suite, store: RunStore | None = None, *, shared: Path | None = None
) -> tuple[CheckedData, Mapping[str, tuple[NoiseStep, ...] | None]]:
    """The suite's data and its noise settings, checked against each other; nothing is written.

    Args:
        suite: what to run.
        store: shapes that were looked at for its runs are not looked at again.
        shared: folder of annotation files; the store's own by default.
    Raises:
        InputError: unusable data or noise.
    """
    source = load_source(suite.data, root=suite.data_root, options=suite.data_options)
    known = store.root / SHARED if store is not None and shared is None else shared
    data = check_data(source, known)
    data.warnings.extend(_small_images(data, suite.protocol["image"]["min_size"]))
    return data, _parse_noise(suite, data.classes)


def _small_images(data: CheckedData, least: int) -> list[str]:
    """What the protocol's least side leaves out of training.

    Raises:
        InputError: every image.
    """
    small = sum(side < least for side in data.train_sides)
    of = f"{small} of {len(data.train_sides)} annotated images"
    path = data.source.train.annotations
    if all(side < least for side in data.trained_sides):
        raise InputError(
            f"{path}: {of} have a side of less than {least} pixels, which the protocol leaves out "
            "of training, and no other has an annotation to train on: lower min_size in its image "
            "section, or enlarge the images."
        )
    return [f"{path}: {of} have a side of less than {least} pixels: not trained on."] * bool(small)


def expand(
    suite: Suite, store: RunStore, *, shared: Path | None = None, tell: Tell | None = None
) -> list[Run]:
    """The suite's runs, their annotation files written; equal runs share a key.

    Args:
        suite: what to run.
        store: where the runs lie.
        shared: folder of annotation files; the store's own by default.
        tell: given what should be known of data and noise, lines of text.
    Raises:
        InputError: unusable data or noise; nothing has been trained then.
    """
    shared = shared or store.root / SHARED
    data, settings = check(suite, shared=shared)
    if tell is not None:
        tell(data.warnings)
    write_prepared(data, shared)
    labels = {
        noise: label for _, label, noise in _specs(settings, suite.seeds) if noise is not None
    }
    for noise, label in labels.items():
        files = write_noisy(data.file("train", shared), _noise_folder(data, noise, shared), noise)
        what = f"{label}, noise seed {noise.seed}"
        manifest = read_manifest(files.manifest)
        if manifest["changes"]["removed"]:
            _refuse_nothing_left(files.annotations, what)
        found = [f"{what}: {line}" for line in noise_warnings(manifest)]
        if tell is not None:
            tell(found)
    return _runs(suite, store, data, settings, shared)


def _refuse_nothing_left(noisy: Path, what: str) -> None:
    """Refuse noise that leaves nothing to train on.

    Raises:
        InputError: with the noise's name.
    """
    document = orjson.loads(noisy.read_bytes())
    if not trained_annotations(columns_of(document)):
        left = len(document["annotations"])
        raise InputError(
            f"{what}: the noise leaves nothing to train on, {left} annotations of which none can "
            "be used: lower its rate."
        )


def foreseen_noise(
    suite: Suite, data: CheckedData, settings: Mapping[str, tuple[NoiseStep, ...] | None]
) -> list[str]:
    """What should be known of the noise of the suite's first seed, but for masks and boxes.

    Raises:
        InputError: noise that does not fit the annotations.
    """
    noisy = {label: steps for label, steps in settings.items() if steps is not None}
    if not noisy:
        return []
    document = orjson.loads(data.contents["train"])
    seed = suite.seeds[0].noise
    return [
        f"{label}, noise seed {seed}: {line}"
        for label, steps in noisy.items()
        for line in foreseen_warnings(document, NoiseSpec(steps=steps, seed=seed))
    ]


def foresee(
    suite: Suite,
    store: RunStore,
    data: CheckedData,
    settings: Mapping[str, tuple[NoiseStep, ...] | None],
) -> list[Run]:
    """The runs that `expand` would give of checked data, with nothing written."""
    return _runs(suite, store, data, settings, store.root / SHARED)


def _runs(
    suite: Suite,
    store: RunStore,
    data: CheckedData,
    settings: Mapping[str, tuple[NoiseStep, ...] | None],
    shared: Path,
) -> list[Run]:
    model = suite.model.resolved()
    runs = []
    for train_seed, noise_label, noise in _specs(settings, suite.seeds):
        annotations, manifest = _train_files(data, noise, shared)
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


def _specs(
    settings: Mapping[str, tuple[NoiseStep, ...] | None], seeds: Sequence[SeedPair]
) -> list[tuple[int, str, NoiseSpec | None]]:
    """Train seed, label and noise of every column and pair of seeds, the settings changing fastest.

    Without noise a noise seed changes nothing: of a train seed's clean runs there is one.
    """
    specs: list[tuple[int, str, NoiseSpec | None]] = []
    clean: set[tuple[int, str]] = set()
    for pair in seeds:
        for label, steps in settings.items():
            if steps is not None:
                specs.append((pair.train, label, NoiseSpec(steps=steps, seed=pair.noise)))
            elif (pair.train, label) not in clean:
                clean.add((pair.train, label))
                specs.append((pair.train, label, None))
    return specs


def _parse_noise(
    suite: Suite, classes: Sequence[str]
) -> Mapping[str, tuple[NoiseStep, ...] | None]:
    """Every noise setting, checked against the classes before any file is written."""
    return {
        label: None
        if raw is None
        else _steps(raw, classes, suite.noise_places[label], suite.file.parent)
        for label, raw in suite.noise.items()
    }


def _steps(raw: Any, classes: Sequence[str], where: str, base: Path) -> tuple[NoiseStep, ...]:
    return parse_steps(with_matrices(raw, classes, where, base), classes, where, base)


def _noise_folder(data: CheckedData, noise: NoiseSpec, shared: Path) -> Path:
    clean = sha256_bytes(data.contents["train"])
    content = canonical_json({"clean": clean, "noise": noise.resolved()})
    return shared / sha256_bytes(content)[:16]


def _train_files(
    data: CheckedData, noise: NoiseSpec | None, shared: Path
) -> tuple[Path, Path | None]:
    """The annotation file to train on and the noise's manifest."""
    if noise is None:
        return data.file("train", shared), None
    return noisy_files(_noise_folder(data, noise, shared))
