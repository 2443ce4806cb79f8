import json
import platform
import subprocess
from importlib import metadata

import pytest

import noisyseg
from noisyseg.bench.runs import environment
from noisyseg.bench.runs.environment import describe_environment


def _git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    result = subprocess.run(
        ["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True
    )
    return result.stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository of one commit in which noisyseg seems to lie."""
    (tmp_path / "noisyseg").mkdir()
    (tmp_path / "noisyseg" / "__init__.py").write_text("")
    monkeypatch.setattr(noisyseg, "__file__", str(tmp_path / "noisyseg" / "__init__.py"))
    environment._git_commit.cache_clear()
    yield tmp_path
    environment._git_commit.cache_clear()


def _commit(folder):
    _git(folder, "init", "-q")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "one")
    return _git(folder, "rev-parse", "HEAD")


def test_it_says_what_ran_where():
    found = describe_environment(device="cpu", threads=3)
    assert (found["device"], found["threads"]) == ("cpu", 3)
    assert found["noisyseg"] == noisyseg.__version__
    assert found["python"] == platform.python_version()
    assert found["packages"]["torch"] == metadata.version("torch")
    assert found["packages"]["onedl-mmdetection"] == metadata.version("onedl-mmdetection")
    json.dumps(found)


def test_it_says_neither_who_nor_whose_machine():
    text = json.dumps(describe_environment(device="cpu", threads=1))
    assert platform.node() not in text
    assert "/" not in text


def test_a_package_that_is_not_installed_is_null(monkeypatch):
    monkeypatch.setattr(environment, "_PACKAGES", ("numpy", "no-such-package-here"))
    packages = describe_environment(device="cpu", threads=1)["packages"]
    assert packages == {"numpy": metadata.version("numpy"), "no-such-package-here": None}


def test_a_clean_checkout_is_its_commit(checkout):
    commit = _commit(checkout)
    (checkout / "runs").write_text("what is not tracked changes nothing")
    assert describe_environment(device="cpu", threads=1)["git_commit"] == commit


def test_a_changed_checkout_says_so(checkout):
    commit = _commit(checkout)
    (checkout / "noisyseg" / "__init__.py").write_text("changed = True")
    assert describe_environment(device="cpu", threads=1)["git_commit"] == f"{commit}+changes"


def test_an_installed_copy_has_no_commit(checkout):
    assert describe_environment(device="cpu", threads=1)["git_commit"] is None


def test_a_checkout_without_git_has_no_commit(checkout, monkeypatch):
    _commit(checkout)
    monkeypatch.setenv("PATH", str(checkout))
    assert describe_environment(device="cpu", threads=1)["git_commit"] is None
