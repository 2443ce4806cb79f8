"""What the noise of a run changed: read once, and again when the file is another."""

import json
import os

import pytest

from noisyseg.bench.reporting import noise_counts as module
from noisyseg.bench.reporting.noise_counts import noise_counts


@pytest.fixture
def noisy_run(toy, tmp_path):
    """A run of the toy's noisy setting, with its manifest in its folder."""
    run = next(run for run in toy.expand(tmp_path / "runs") if run.manifest is not None)
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / "manifest.json").write_bytes(run.manifest.read_bytes())
    return run


def test_the_numbers_are_the_manifests(noisy_run):
    counts = noise_counts(noisy_run)
    manifest = json.loads(noisy_run.manifest.read_bytes())
    changed = manifest["annotations"]["class_changed"]
    assert (counts.clean, counts.noisy, counts.class_changed) == (6, 6, changed)
    assert counts.share == changed / 6
    moved = {number for old, new, _ in manifest["changes"]["classes"] for number in (old, new)}
    assert counts.touched == {e["name"] for e in manifest["classes"] if e["id"] in moved}


def test_a_manifest_is_read_once_as_long_as_it_is_the_same(noisy_run, monkeypatch):
    read = []
    original = module.read_manifest
    monkeypatch.setattr(module, "read_manifest", lambda path: read.append(path) or original(path))
    assert noise_counts(noisy_run) == noise_counts(noisy_run)
    assert len(read) == 1
    os.utime(noisy_run.folder / "manifest.json", ns=(1, 1))
    noise_counts(noisy_run)
    assert len(read) == 2


def test_without_a_manifest_there_is_nothing_to_count(noisy_run):
    (noisy_run.folder / "manifest.json").unlink()
    assert noise_counts(noisy_run) is None
