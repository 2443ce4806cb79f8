"""The annotation files that a suite's runs train on, clean and noisy; equal ones are one file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from noisyseg.annotation_files.columns import columns_of
from noisyseg.annotation_files.usage import trained_annotations
from noisyseg.bench.datasets.preparation import CheckedData
from noisyseg.errors import InputError
from noisyseg.files import canonical_json, sha256_bytes
from noisyseg.noise.files.manifest_file import read_manifest
from noisyseg.noise.files.noisy_files import noisy_files, write_noisy
from noisyseg.noise.noise_warnings import noise_warnings
from noisyseg.noise.spec import NoiseSpec


def train_files(
    data: CheckedData, noise: NoiseSpec | None, shared: Path
) -> tuple[Path, Path | None]:
    """Where the annotation file to train on lies, and the noise's manifest; None for clean."""
    if noise is None:
        return data.file("train", shared), None
    return noisy_files(_folder(data, noise, shared))


def write_train_files(data: CheckedData, noise: NoiseSpec, shared: Path, label: str) -> list[str]:
    """Write noisy annotations and their manifest, unless they are there.

    Args:
        data: whose prepared files are written.
        noise: of the runs.
        shared: folder of annotation files.
        label: the suite's, for the noise.
    Returns:
        What should be known of the noise, a line each.
    Raises:
        InputError: noise that leaves nothing to train on.
    """
    files = write_noisy(data.file("train", shared), _folder(data, noise, shared), noise)
    what = f"{label}, noise seed {noise.seed}"
    manifest = read_manifest(files.manifest)
    if manifest["changes"]["removed"]:
        _refuse_nothing_left(files.annotations, what)
    return [f"{what}: {line}" for line in noise_warnings(manifest)]


def _folder(data: CheckedData, noise: NoiseSpec, shared: Path) -> Path:
    return shared / noisy_folder_name(data.parts["train"].sha256, noise.resolved())


def noisy_folder_name(clean_sha256: str, noise: Mapping[str, Any]) -> str:
    """The name of the folder of what resolved noise makes of a file."""
    return sha256_bytes(canonical_json({"clean": clean_sha256, "noise": noise}))[:16]


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
