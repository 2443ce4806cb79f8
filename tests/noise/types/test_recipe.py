"""The recipe, followed: a new type is a file of its own and its name in the registry."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILE = '''
"""Boxes a pixel too large."""

from dataclasses import replace

from noisyseg.noise.families.geometry_noise import GeometryNoise
from noisyseg.noise.types.mask_noise import CROWDS, RATE
from noisyseg.noise.types.noise_type import NoiseType


def loose(instance, parameters, draws):
    """The box with a pixel around it, inside the image."""
    left, top, across, down = instance.box
    start = max(left - 1, 0), max(top - 1, 0)
    end = min(left + across + 1, instance.width), min(top + down + 1, instance.height)
    return replace(instance, box=(*start, end[0] - start[0], end[1] - start[1]))


LOOSE_TYPES = (
    NoiseType(
        name="loose-box",
        family=GeometryNoise(change=loose, needs_mask=False),
        summary="boxes a pixel too large",
        source="none",
        parameters={"rate": RATE, "crowds": CROWDS},
    ),
)
'''


@pytest.fixture
def copied(tmp_path):
    """A copy of the source to change."""
    skipped = shutil.ignore_patterns("__pycache__", "published*")
    for room in ("bench", "noise", "methods", "results", "noisyseg"):
        shutil.copytree(ROOT / room, tmp_path / room, symlinks=True, ignore=skipped)
    return tmp_path


def test_a_new_type_is_its_file_and_its_line_in_the_registry(copied):
    (copied / "noise" / "types" / "loose_noise.py").write_text(FILE)
    registry = copied / "noise" / "types" / "registry.py"
    text = registry.read_text()
    first, mark = "from noisyseg.noise.types.mask_noise", "MASK_TYPES,"
    assert text.count(mark) == text.count(first) == 1
    line = "from noisyseg.noise.types.loose_noise import LOOSE_TYPES\n"
    registry.write_text(text.replace(first, line + first).replace(mark, f"{mark} LOOSE_TYPES,"))

    def noisyseg(*words):
        done = subprocess.run(
            [sys.executable, "-m", "noisyseg.bench.cli", "noise", *words],
            cwd=copied,
            env={**os.environ, "PYTHONPATH": str(copied)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "loose-box (geometry): boxes a pixel too large" in noisyseg("list")
    assert noisyseg("check", "loose-box").endswith("checks passed\n")
    clean = str(copied / "noise" / "golden" / "sample.json")
    step = ("--type", "loose-box", "--rate", "0.3", "--seed", "1")
    made = noisyseg("make", "--annotations", clean, *step, "--out", "noisy.json")
    assert "loose-box: intended 30.0 %" in made
    assert noisyseg("verify", "noisy.json", "--clean", clean).startswith("verified")
