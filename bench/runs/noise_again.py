"""A run's noisy file made again on another machine, where the first one is too large to send."""

import platform
import shutil
from pathlib import Path

from noisyseg.bench.runs.run import Run
from noisyseg.bench.runs.train_files import noisy_folder_name
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.noise.files.noisy_files import write_noisy
from noisyseg.noise.resolved_spec import spec_from_resolved
from noisyseg.noise.spec import NoiseSpec


def clean_file(run: Run) -> Path:
    """Where the file lies that a noisy run's noise was made from."""
    return run.eval_annotations.with_name("train.json")


def noise_from(run: Run, clean_sha256: str) -> NoiseSpec | None:
    """A run's noise, to be applied to the clean file with a checksum.

    Returns:
        None if that is not the file that it was made from, or it takes a file of the user's own.
    """
    noise = run.spec["noise"]
    place = run.train_annotations.parent.name
    if noise is None or noisy_folder_name(clean_sha256, noise) != place:
        return None
    try:
        return spec_from_resolved(noise, str(run.train_annotations))
    except InputError:
        return None


def make_again(noise: NoiseSpec, clean: Path, place: Path, sha256: str) -> None:
    """Make a noisy file from the clean one.

    Args:
        noise: as `noise_from` gives it.
        clean: on this machine.
        place: of the noisy file.
        sha256: of the one that was made first.
    Raises:
        InputError: it comes to another file here.
    """
    beside = place.with_name(".made")
    try:
        made = write_noisy(clean, beside, noise).annotations
        found = sha256_file(made)
        if found != sha256:
            raise InputError(
                f"the noise comes to another file on {platform.node()} than where it was first "
                f"made: SHA-256 {found}, not {sha256}. Install the same Python packages on every "
                "node, or let this one see the folder of --out."
            )
        made.replace(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
