"""A new method is its file and its entry: as the recipe says, applied to a copy of the package."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("noisyseg", "bench", "methods", "noise", "results")
FILE = '''"""A power of the missing probability."""

from torch import Tensor

from noisyseg.methods.probabilities import log_probabilities, of_labels


def missing_power(logits: Tensor, labels: Tensor, *, power: float = 2.0) -> Tensor:
    """(1 - p_y) ** power.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        power: above 1.
    """
    if not power > 1.0:
        raise ValueError(f"power must be above 1, got {power}")
    return (1.0 - of_labels(log_probabilities(logits), labels).exp()) ** power
'''
ENTRY = """    Method(
        name="missing",
        version=1,
        definition="missing_power:missing_power",
        parameters={"power": 2.0},
        paper="nobody's",
        summary="A power of what is missing.",
    ),
"""
BEFORE = "_FROM_PAPERS = (\n"


@pytest.fixture
def tree(tmp_path):
    """A copy of the package, with the method's file and without its entry."""
    for name in ROOMS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=ignored)
    (tmp_path / "methods/losses/missing_power.py").write_text(FILE)
    return tmp_path


def enter(tree, entry):
    file = tree / "methods/built_in.py"
    text = file.read_text()
    assert text.count(BEFORE) == 1
    file.write_text(text.replace(BEFORE, BEFORE + entry))


def python(tree, *words):
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True)


def registry_tests(tree):
    chosen = "every_file or (declares and missing)"
    options = ("-q", "-p", "no:cacheprovider", f"--rootdir={tree}", "-c", "/dev/null")
    file = ROOT / "tests/methods/test_registry.py"
    return python(tree, "pytest", *options, "--import-mode=importlib", "-k", chosen, str(file))


def test_two_files_make_a_method_that_every_command_knows(tree):
    enter(tree, ENTRY)
    done = registry_tests(tree)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    listed = json.loads(python(tree, "noisyseg.bench.cli", "methods", "list", "--json").stdout)
    assert listed[0]["name"] == "missing"
    assert listed[0]["parameters"] == {"power": 2.0}
    checked = python(tree, "noisyseg.bench.cli", "methods", "check", "missing")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_entry_that_says_otherwise_than_the_file_fails_a_test(tree):
    enter(tree, ENTRY.replace("2.0", "3.0"))
    done = registry_tests(tree)
    assert done.returncode == 1
    assert "1 failed" in done.stdout
