"""From a suite to its runs: every method at every noise setting for every seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.confusion_step import with_matrices
from noisyseg.bench.datasets.preparation import CheckedData, PreparedData, check_data, prepare
from noisyseg.bench.datasets.source import load_source
from noisyseg.bench.suite import Suite
from noisyseg.bench.training.version import TRAINING
from noisyseg.files import canonical_json, sha256_bytes, sha256_file
from noisyseg.noise.noisy_files import write_noisy
from noisyseg.noise.spec import NoiseSpec, NoiseStep, parse_steps
from noisyseg.results.evaluation import EVALUATION
from noisyseg.results.record import run_key
from noisyseg.results.store import RunStore

SCHEMA = 1
# Prepared and noisy annotation files are shared by content; the dot keeps the folder apart from
# the data sets' folders, whose names cannot begin with one.
SHARED = ".annotations"


@dataclass(kw_only=True, slots=True, frozen=True)
class Run:
    """One training and evaluation, and where its files lie.

    Attributes:
        spec: what decides its result; its hash is the key.
        folder: the run's folder in the store.
        train_annotations: the file to train on, noisy or clean.
        manifest: of the noise; None for a clean run.
    """

    key: str
    spec: dict[str, Any]
    method_label: str
    noise_label: str
    seed: int
    folder: Path
    train_annotations: Path
    train_images: Path
    eval_annotations: Path
    eval_images: Path
    manifest: Path | None
    weights: Path | None

    @property
    def label(self) -> str:
        """How the run is called on the screen."""
        return f"{self.method_label} · {self.noise_label} · seed {self.seed}"


def check(suite: Suite) -> tuple[CheckedData, Mapping[str, tuple[NoiseStep, ...] | None]]:
    """The suite's data and its noise settings, checked against each other; nothing is written.

    Raises:
        InputError: unusable data or noise.
    """
    data = check_data(load_source(suite.data, root=suite.data_root))
    return data, _parse_noise(suite, data.classes)


def expand(suite: Suite, store: RunStore) -> list[Run]:
    """The suite's runs, their annotation files written; equal runs share a key.

    Raises:
        InputError: unusable data or noise; nothing has been trained then.
    """
    checked, steps = check(suite)
    model = suite.model.resolved()
    data = prepare(checked, store.root / SHARED)
    runs = []
    for seed in suite.seeds:
        for noise_label, parsed in steps.items():
            noise = None if parsed is None else NoiseSpec(steps=parsed, seed=seed)
            annotations, manifest = _annotations(data, noise, store.root / SHARED)
            for method_label, method in suite.methods.items():
                spec = {
                    "schema": SCHEMA,
                    "data": data.resolved,
                    "protocol": suite.protocol,
                    "model": model,
                    "method": method.spec(),
                    "noise": None if noise is None else noise.resolved(),
                    "training": TRAINING,
                    "train_seed": seed,
                    "eval": EVALUATION,
                }
                run = Run(
                    key=run_key(spec),
                    spec=spec,
                    method_label=method_label,
                    noise_label=noise_label,
                    seed=seed,
                    folder=store.folder(spec),
                    train_annotations=annotations,
                    train_images=data.train.images,
                    eval_annotations=data.eval.annotations,
                    eval_images=data.eval.images,
                    manifest=manifest,
                    weights=suite.model.weights,
                )
                runs.append(run)
    return runs


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


def _annotations(
    data: PreparedData, noise: NoiseSpec | None, folder: Path
) -> tuple[Path, Path | None]:
    """The annotation file to train on and the noise's manifest."""
    clean = data.train.annotations
    if noise is None:
        return clean, None
    content = canonical_json({"clean": sha256_file(clean), "noise": noise.resolved()})
    files = write_noisy(clean, folder / sha256_bytes(content)[:16], noise)
    return files.annotations, files.manifest
