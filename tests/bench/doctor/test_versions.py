import re
from pathlib import Path

import pytest

import noisyseg
from noisyseg.bench.doctor import versions

SETTINGS = Path(noisyseg.__file__).resolve().parents[1] / "pyproject.toml"


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """Puts a distribution's metadata before all others."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(name, version):
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (folder / "METADATA").write_text(text)

    return put


def test_versions_that_fit_are_told_in_one_line():
    (found,) = versions.packages()
    assert found.level == "ok"
    assert re.search(r"\btorch \d.*\bray \d", found.text)


@pytest.mark.parametrize("name", ["numpy", "onedl-mmcv", "ray"])
def test_an_old_version_is_a_problem_with_the_bound_of_the_settings(distribution, name):
    (bound,) = re.findall(rf'"{name}(>=[\d.]+)"', SETTINGS.read_text())
    distribution(name, "0.0.1")
    bad, good = versions.packages()
    assert (bad.name, bad.level) == (name, "problem")
    assert bad.text == f"0.0.1 is installed; noisyseg needs {bound}"
    assert bad.mend == f"pip install '{name}{bound}'"
    assert good.level == "ok"


def test_a_later_version_is_none(distribution):
    distribution("torch", "99.1+cu999")
    assert [one.level for one in versions.packages()] == ["ok"]


def test_the_original_stack_beside_the_maintained_one_is_a_problem(distribution):
    assert list(versions.clashes()) == []
    distribution("mmdet", "3.3.0")
    (found,) = versions.clashes()
    assert found.level == "problem"
    assert "mmdet 3.3.0" in found.text
    assert found.mend.startswith("pip uninstall -y mmdet && pip install ")


def test_what_trains_can_be_absent_as_a_whole_or_in_part(monkeypatch):
    real = versions.package_version
    onedl = {"onedl-mmdetection", "onedl-mmcv", "onedl-mmengine"}
    trains = {"torch", "torchvision", *onedl, "ray", "nvidia-ml-py"}
    monkeypatch.setattr(versions, "package_version", lambda n: None if n in trains else real(n))
    absent, good = versions.packages()
    assert (absent.level, good.level) == ("problem", "ok")
    assert "noisyseg[train]" in absent.mend
    monkeypatch.setattr(versions, "package_version", lambda n: None if n == "ray" else real(n))
    absent, good = versions.packages()
    assert absent.name == "ray"
    assert absent.text.startswith("not installed; noisyseg needs >=")


def test_a_checkout_that_is_not_installed_knows_no_bounds(monkeypatch):
    monkeypatch.setattr(versions, "_metadata_of_noisyseg", lambda: None)
    (found,) = versions.packages()
    assert found.level == "warning"


def test_an_old_python_is_a_problem(monkeypatch):
    monkeypatch.setattr(versions.platform, "python_version", lambda: "3.9.18")
    (found,) = versions.python()
    assert found.level == "problem"
    assert "<3.14" in found.text


def test_noisyseg_tells_its_version_and_place():
    (found,) = versions.own_version()
    assert noisyseg.__version__ in found.text
    assert str(Path(noisyseg.__file__).parent) in found.text
