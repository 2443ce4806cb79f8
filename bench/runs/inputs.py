"""What a suite's runs are made from, checked against each other: its data and its noise."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.datasets.preparation import CheckedData, check_data
from noisyseg.bench.datasets.ready import Ready
from noisyseg.bench.datasets.source import found_source, load_source
from noisyseg.bench.runs.confusion_step import with_matrices
from noisyseg.errors import InputError, UnusableFileError
from noisyseg.noise.noise_warnings import foreseen_warnings
from noisyseg.noise.spec import NoiseSpec, NoiseStep, parse_steps
from noisyseg.results.records.store import RunStore

# Prepared and noisy annotation files are shared by content; the dot keeps the folder apart from
# the data sets' folders, whose names cannot begin with one.
SHARED = ".annotations"

NoiseSettings: TypeAlias = Mapping[str, tuple[NoiseStep, ...] | None]
"""Label → steps; None for clean."""


def check(
    suite: Suite, store: RunStore | None = None, *, shared: Path | None = None, make: bool = False
) -> tuple[CheckedData, NoiseSettings]:
    """The suite's data and its noise settings, checked against each other.

    Args:
        suite: what to run.
        store: shapes that were looked at for its runs are not looked at again.
        shared: folder of annotation files; the store's own by default.
        make: whether data that are not there yet are made; else nothing is written.
    Raises:
        InputError: unusable data or noise.
    """
    source = load_source(suite.data, root=suite.data_root, options=suite.data_options, make=make)
    known = store.root / SHARED if store is not None and shared is None else shared
    data = _checked(source, suite, known)
    return data, parse_noise(suite, data.classes)


def found_data(suite: Suite, store: RunStore) -> CheckedData | None:
    """The suite's data, checked, if they are there as runs use them; None if not.

    Raises:
        UnusableFileError: they are there, and cannot be used.
    """
    try:
        source = found_source(suite.data, root=suite.data_root, options=suite.data_options)
        return None if source is None else _checked(source, suite, store.root / SHARED)
    except UnusableFileError:
        raise
    except InputError:  # of files that are not there
        return None


def _checked(source: Ready, suite: Suite, prepared: Path | None) -> CheckedData:
    data = check_data(source, prepared)
    data.warnings.extend(_small_images(data, suite.protocol["image"]["min_size"]))
    return data


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


def parse_noise(suite: Suite, classes: Sequence[str]) -> NoiseSettings:
    """Every noise setting, checked against the classes before any file is written.

    Raises:
        InputError: noise that does not fit them.
    """
    return {
        label: None
        if raw is None
        else _steps(raw, classes, suite.noise_places[label], suite.file.parent)
        for label, raw in suite.noise.items()
    }


def _steps(raw: Any, classes: Sequence[str], where: str, base: Path) -> tuple[NoiseStep, ...]:
    return parse_steps(with_matrices(raw, classes, where, base), classes, where, base)


def foreseen_noise(suite: Suite, data: CheckedData, settings: NoiseSettings) -> list[str]:
    """What should be known of the noise of the suite's first seed, but for masks and boxes.

    Raises:
        InputError: noise that does not fit the annotations.
    """
    noisy = {label: steps for label, steps in settings.items() if steps is not None}
    if not noisy:
        return []
    document = data.document("train")
    seed = suite.seeds[0].noise
    return [
        f"{label}, noise seed {seed}: {line}"
        for label, steps in noisy.items()
        for line in foreseen_warnings(document, NoiseSpec(steps=steps, seed=seed))
    ]
