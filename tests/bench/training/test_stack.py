import subprocess
import sys
from pathlib import Path

import pytest

from noisyseg.bench.training import stack
from noisyseg.errors import InputError
from noisyseg.training_extra import is_missing

ROOT = Path(__file__).parents[3]

FRESH = """
import sys
import noisyseg.bench.cli.command_line, noisyseg.bench.runs.execution
import noisyseg.bench.cluster.scheduler
early = {"mmdet", "mmcv", "mmengine", "ray"} & set(sys.modules)
assert not early, f"imported before they are needed: {early}"
from noisyseg.bench.training.stack import load_stack
load_stack()
load_stack()
from mmdet.registry import MODELS, TRANSFORMS
assert MODELS.get("MaskRCNN") and TRANSFORMS.get("PackDetInputs")
"""


@pytest.fixture
def load(monkeypatch):
    """`load_stack` as if it had not been called in this process."""
    return stack.load_stack.__wrapped__


def test_a_fresh_process_loads_it_late_and_says_nothing():
    command = [sys.executable, "-W", "error::FutureWarning", "-c", FRESH]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr == ""


def test_originals_beside_the_maintained_releases_are_named(monkeypatch, load):
    monkeypatch.setattr(stack, "conflicting_distributions", lambda: ["mmdet"])
    with pytest.raises(InputError, match=r"pip uninstall.* mmdet"):
        load()


def test_an_opencv_with_windows_gets_the_command_that_replaces_it(monkeypatch, load):
    def install():
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(stack.mmcv_operators, "install", install)
    with pytest.raises(InputError, match=r"libGL\.so\.1.*pip install.*opencv-python-headless"):
        load()


def test_another_import_error_keeps_its_reason(monkeypatch, load):
    def install():
        raise ImportError("No module named 'mmcv'")

    monkeypatch.setattr(stack.mmcv_operators, "install", install)
    with pytest.raises(InputError, match="cannot import the mmdet stack: No module named 'mmcv'"):
        load()


def test_a_stack_that_is_not_installed_is_no_stack_that_fails(monkeypatch, load):
    monkeypatch.setitem(sys.modules, "mmdet", None)
    with pytest.raises(ModuleNotFoundError) as caught:
        load()
    assert is_missing(caught.value)
    for other in (ImportError("cannot import", name="mmdet"), ModuleNotFoundError(name="rich")):
        assert not is_missing(other)
