"""OpenCV's two builds in one folder: what is said of the one that cannot start."""

import importlib
import re
from typing import Any

import pytest
from packaging.requirements import Requirement

from noisyseg.bench.cli import main
from noisyseg.opencv_build import MEND, wants_window_system, what_to_do

# As glibc's loader says it on a Debian without libgl1.
SAID = "libGL.so.1: cannot open shared object file: No such file or directory"


def test_only_a_library_of_window_systems_is_taken_for_one() -> None:
    assert wants_window_system(ImportError(SAID))
    assert not wants_window_system(ImportError("libcudart.so.13: cannot open shared object file"))
    assert not wants_window_system(ModuleNotFoundError("No module named 'cv2'"))


def test_the_command_that_mends_it_is_said_with_a_version_that_mmdet_takes() -> None:
    assert what_to_do(ImportError(SAID)).endswith(MEND)
    (text,) = re.findall(r"'(.+)'", MEND)
    assert Requirement(text).specifier.contains("4.12.0.88")
    assert not Requirement(text).specifier.contains("4.13.0.90")


def test_a_command_that_meets_it_ends_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("noisyseg.bench.cli.noise"):
            raise ImportError(SAID)
        return before(name, *args, **kwargs)

    before = importlib.import_module
    monkeypatch.setattr("noisyseg.bench.cli.command_line.import_module", broken)
    assert main(["noise", "list"]) == 2
    assert capsys.readouterr().err == f"error: {what_to_do(ImportError(SAID))}\n"
