"""What a wheel and a source distribution hold, and that a module has one import name only."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

import noisyseg

ROOT = Path(__file__).parents[1]
ROOMS = ("bench", "methods", "noise", "results")
TO_BUILD = ("LICENSE", "README.md", "pyproject.toml", "noisyseg", *ROOMS)
LICENCES = {
    "LICENSE": b"Apache License",
    "bench/datasets/shipped/boards/LICENSE": b"Creative Commons Attribution 4.0",
    "bench/datasets/shipped/mobilenetv2/LICENSE": b"MIT License",
}
LEFT_OUT = (
    "results/published/",
)  # records that the project publishes: the site's, not the program's

pytest.importorskip("setuptools", minversion="77")


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def build_wheel(source: Path, out: Path) -> Path:
    """The wheel that pip makes of a source tree, with the build tools at hand and no network."""
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    run(sys.executable, "-m", "pip", "wheel", *offline, "-w", str(out), str(source), cwd=out)
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the build reads, so that building leaves nothing in the checkout."""
    folder = tmp_path_factory.mktemp("source")
    clean = shutil.ignore_patterns("__pycache__")
    for name in TO_BUILD:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=clean)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(build_wheel(source, tmp_path_factory.mktemp("wheel"))) as archive:
        yield archive


def test_everything_in_the_wheel_is_below_the_import_name(wheel: zipfile.ZipFile) -> None:
    top = {name.split("/")[0] for name in wheel.namelist()}
    (info,) = top - {"noisyseg"}
    assert info.startswith("noisyseg-")
    assert info.endswith(".dist-info")


def test_no_file_is_packed_twice(wheel: zipfile.ZipFile) -> None:
    repeated = [name for name, times in Counter(wheel.namelist()).items() if times > 1]
    assert repeated == []


def test_every_module_and_data_file_is_in_the_wheel(source: Path, wheel: zipfile.ZipFile) -> None:
    wanted = {
        f"noisyseg/{path.relative_to(source).as_posix()}"
        for room in ROOMS
        for path in (source / room).rglob("*")
        if path.is_file() and not path.relative_to(source).as_posix().startswith(LEFT_OUT)
    }
    own = [path for path in (source / "noisyseg").iterdir() if not path.is_symlink()]
    wanted |= {
        path.relative_to(source).as_posix()
        for entry in own
        for path in ([entry] if entry.is_file() else entry.rglob("*.py"))
    }
    assert "noisyseg/py.typed" in wanted
    packed = {name for name in wheel.namelist() if name.startswith("noisyseg/")}
    assert sorted(wanted - packed) == []
    assert sorted(packed - wanted) == []


def test_published_records_are_data_that_the_wheel_leaves_out(wheel: zipfile.ZipFile) -> None:
    published = ROOT / "results/published"
    assert (published / "README.md").is_file()
    assert list(published.rglob("*.py")) == []
    assert [name for name in wheel.namelist() if "published/" in name] == []


def test_the_wheel_brings_the_command_and_the_licences(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    parser = ConfigParser()
    parser.read_string(wheel.read(entry_points).decode())
    assert parser["console_scripts"]["noisyseg"] == "noisyseg.bench.cli:main"
    (metadata,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    stated = re.findall(r"^License-(\w+): (.*)$", wheel.read(metadata).decode(), re.M)
    assert [what for kind, what in stated if kind == "Expression"] == [
        "Apache-2.0 AND CC-BY-4.0 AND MIT"
    ]
    files = {what for kind, what in stated if kind == "File"}
    assert files == LICENCES.keys()
    for file, title in LICENCES.items():
        text = wheel.read(metadata.replace("METADATA", f"licenses/{file}"))
        assert text.lstrip().startswith(title), file


def test_whatever_is_shipped_with_a_licence_of_its_own_is_in_the_expression() -> None:
    found = ROOT.glob("bench/datasets/shipped/*")
    assert {f"{path.relative_to(ROOT)}/LICENSE" for path in found} == LICENCES.keys() - {"LICENSE"}


def test_the_base_asks_for_nothing_that_trains_and_the_extra_brings_it(
    wheel: zipfile.ZipFile,
) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    wanted = re.findall(r"^Requires-Dist: ([\w-]+)(.*)", wheel.read(name).decode(), re.M)
    base = {package for package, rest in wanted if "extra ==" not in rest}
    train = {package for package, rest in wanted if re.search("extra == .train.", rest)}
    onedl = {"onedl-mmdetection", "onedl-mmcv", "onedl-mmengine"}
    assert train == {"torch", "torchvision", "ray", "nvidia-ml-py", *onedl}
    assert not train & base
    assert {"numpy", "opencv-python-headless", "pycocotools", "hotcoco"} <= base


def test_a_wheel_made_from_the_source_distribution_is_the_same(
    source: Path, wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    code = f"from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})"
    run(sys.executable, "-c", code, cwd=source)
    (sdist,) = tmp_path.glob("*.tar.gz")
    out = tmp_path / "wheel"
    out.mkdir()
    with zipfile.ZipFile(build_wheel(sdist, out)) as again:
        assert sorted(again.namelist()) == sorted(wheel.namelist())
        for name in wheel.namelist():
            if not name.endswith("/RECORD"):
                assert again.read(name) == wheel.read(name), name


def test_noise_from_the_wheel_needs_no_training_stack(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    wheel.extractall(tmp_path)
    code = f"""
import importlib, pkgutil, sys
sys.path.insert(0, {str(tmp_path)!r})
for name in ("torch", "torchvision", "mmengine", "mmcv", "mmdet", "ray"):
    sys.modules[name] = None  # importing it fails, as if it were absent
import noisyseg.noise
assert noisyseg.noise.__file__.startswith({str(tmp_path)!r}), noisyseg.noise.__file__
for module in pkgutil.walk_packages(noisyseg.noise.__path__, "noisyseg.noise."):
    importlib.import_module(module.name)
"""
    run(sys.executable, "-c", code, cwd=tmp_path)


def test_an_editable_install_is_found_from_the_folder_above_a_clone_of_that_name(
    source: Path, tmp_path: Path
) -> None:
    # To Python, a folder without __init__.py is a namespace package, before any import hook.
    clone = tmp_path / "parent/noisyseg"
    shutil.copytree(source, clone, symlinks=True)
    site = tmp_path / "site"
    site.mkdir()
    build = f"from setuptools import build_meta; build_meta.build_editable({str(site)!r})"
    run(sys.executable, "-c", build, cwd=clone)
    (wheel,) = site.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (path_file,) = [name for name in archive.namelist() if not name.count("dist-info")]
        assert path_file.endswith(".pth")
        assert archive.read(path_file).decode().strip() == str(clone)
    (clone / "methods/new_loss.py").touch()  # seen at once
    code = f"""
import sys
sys.path[:] = [p for p in sys.path if p != {str(ROOT)!r}] + [{str(clone)!r}]
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in f.__module__]
import noisyseg, noisyseg.bench.cli.command_line, noisyseg.methods.new_loss
assert noisyseg.__file__ == {str(clone / "noisyseg/__init__.py")!r}, noisyseg.__file__
assert noisyseg.bench.cli.__file__ == {str(clone / "noisyseg/bench/cli/__init__.py")!r}
"""
    run(sys.executable, "-c", code, cwd=clone.parent)


def ruff_on(code: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID251"]
    command += ["--output-format", "concise", "--stdin-filename", "bench/example.py", "-"]
    return subprocess.run(command, cwd=ROOT, input=code, capture_output=True, text=True)


@pytest.mark.parametrize("room", ROOMS)
def test_a_bare_import_is_refused(room: str) -> None:
    pytest.importorskip("ruff")
    for statement in (
        f"import {room}\n",
        f"from {room} import x\n",
        f"from {room}.part import x\n",
    ):
        refused = ruff_on(statement)
        assert refused.returncode == 1
        assert "TID251" in refused.stdout
        assert f"import noisyseg.{room}" in refused.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_the_full_import_is_accepted(room: str) -> None:
    pytest.importorskip("ruff")
    assert ruff_on(f"import noisyseg.{room}\nfrom noisyseg import {room}\n").returncode == 0


@pytest.mark.parametrize("room", ROOMS)
def test_the_import_name_leads_to_the_folder_of_that_name(room: str) -> None:
    link = ROOT / "noisyseg" / room
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.resolve() == (ROOT / room).resolve()


def test_what_the_image_copies_is_what_the_wheel_is_built_from() -> None:
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert rules[1] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == set(TO_BUILD)


def test_the_version_is_the_same_where_it_stands() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.findall(r"^## \[(.+)\] - (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)[0]
    assert (citation["version"], citation["date-released"]) == newest
    assert citation["version"] == noisyseg.__version__


def test_the_address_is_one() -> None:
    address = "https://github.com/noisyseg/noisyseg"
    assert f'Homepage = "{address}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["repository-code"] == address
    for name in ("CHANGELOG.md", "SECURITY.md"):
        found = set(re.findall(r"https://github\.com/[\w-]+/[\w-]+", (ROOT / name).read_text()))
        assert found == {address}, name


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the script alone: where it fails, it fails before it reads anything else."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/wheelhouse.sh", tmp_path / "tools")
    return tmp_path


def wheelhouse(checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "tools/wheelhouse.sh"],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, **variables},
        capture_output=True,
        text=True,
    )


def test_a_wheelhouse_that_is_there_is_not_written_over(checkout: Path) -> None:
    (checkout / "wheelhouse").mkdir()
    done = wheelhouse(checkout)
    assert done.returncode == 1
    assert "wheelhouse is there already" in done.stderr
    assert "WHEELHOUSE=FOLDER" in done.stderr


def test_a_wheelhouse_wants_a_python_that_noisyseg_takes(checkout: Path) -> None:
    done = wheelhouse(checkout, PYTHON="/no/such/python")
    assert done.returncode == 1
    assert "Python 3.10 to 3.13" in done.stderr


@pytest.mark.long  # some seconds for an environment of its own
def test_a_wheelhouse_that_cannot_be_completed_leaves_nothing(checkout: Path) -> None:
    done = wheelhouse(checkout, PIP_NO_INDEX="1")  # and no project to build
    assert done.returncode == 1
    assert "nothing was written" in done.stderr
    assert [path.name for path in checkout.iterdir()] == ["tools"]
