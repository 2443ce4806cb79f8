"""run_benchmark.py, called with a Python that cannot run noisyseg."""

import ast
import re
import runpy
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "run_benchmark.py"


def refused(monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    for part in (sys.executable, "`make setup`", ".venv/bin/python run_benchmark.py"):
        assert part in line
    return line


@pytest.mark.parametrize("minor", [6, 7, 8, 9])
def test_it_is_python_of_the_versions_that_it_refuses(minor):
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, minor))


@pytest.mark.parametrize(
    "version", [(3, 6, 0), (3, 9, 18), (3, 14, 0), (4, 0, 0)], ids=lambda v: f"{v[0]}.{v[1]}"
)
def test_another_version_is_refused(monkeypatch, capsys, version):
    monkeypatch.setattr(sys, "version_info", version)
    line = refused(monkeypatch, capsys)
    assert "Python " + ".".join(map(str, version)) in line
    assert "3.10 to 3.13" in line


@pytest.mark.parametrize("names", [["mmdet"], ["cv2"], ["torch", "ray", "zstandard"]])
def test_missing_packages_are_named(monkeypatch, capsys, names):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in names else real(name)
    )
    assert f"lacks {', '.join(names)}:" in refused(monkeypatch, capsys)


def test_a_bare_python_gets_one_line(tmp_path):
    shutil.copy(SCRIPT, tmp_path)  # alone, so that not even noisyseg is there
    command = [sys.executable, "-I", "-S", str(tmp_path / SCRIPT.name)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "make setup" in done.stderr


def test_an_older_python_gets_one_line():
    found = [name for name in ("python3.6", "python3.7", "python3.8", "python3.9") if has(name)]
    if not found:
        pytest.skip("no Python before 3.10 here")
    done = subprocess.run([found[0], str(SCRIPT)], capture_output=True, text=True)
    assert done.returncode == 2
    assert "3.10 to 3.13" in done.stderr


def has(name):
    found = shutil.which(name)
    return found and not subprocess.run([found, "-c", ""], capture_output=True).returncode


def test_every_package_that_is_installed_is_looked_for():
    tomllib = pytest.importorskip("tomllib")
    settings = tomllib.loads((SCRIPT.parent / "pyproject.toml").read_text(encoding="utf-8"))
    project = settings["project"]
    asked_for = project["dependencies"] + project["optional-dependencies"]["train"]
    looked_for = set(runpy.run_path(str(SCRIPT))["_IMPORTED"])
    wanted = [re.split("[>=<]", entry)[0] for entry in asked_for]
    assert len(looked_for) == len(wanted)
    for name in wanted:
        tops = {str(file).split("/")[0] for file in distribution(name).files or ()}
        modules = {top.split(".")[0] for top in tops}
        assert modules & looked_for, name
