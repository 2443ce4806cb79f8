"""Which noisyseg a process takes; each case in a process of its own, as Ray's workers are."""

import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import noisyseg
from noisyseg.bench.cluster.driver_package import (
    DriverPackage,
    mismatch,
    own_package,
    python_files_sha256,
)

PACKAGE = Path(noisyseg.__file__).resolve().parent


def adopted(package, folder, *, path=""):
    """What `adopt` gives, and noisyseg's file then, in a process that starts in folder.

    The module is run as its file, before anything of noisyseg is imported, as in a worker.
    """
    code = f"""
import pickle, sys, types
sys.path.insert(0, {str(path)!r})
text = open({str(PACKAGE / "bench/cluster/driver_package.py")!r}).read()
for line in ("import noisyseg\\n", "from noisyseg.errors import InputError\\n", "-> InputError"):
    text = text.replace(line, "", 1)
module = types.ModuleType("carried")
sys.modules["carried"] = module
exec(text, module.__dict__)
package = module.DriverPackage(*{tuple(package)!r})
other = module.adopt(package)
import noisyseg
sys.stdout.buffer.write(pickle.dumps((other, noisyseg.__file__, sys.path)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return pickle.loads(done.stdout)


@pytest.fixture
def copy(tmp_path):
    """Another checkout with the same files, links and all."""
    root = tmp_path / "copy"
    clean = shutil.ignore_patterns("__pycache__")
    for name in ("noisyseg", "bench", "methods", "noise", "results"):
        shutil.copytree(PACKAGE.parent / name, root / name, symlinks=True, ignore=clean)
    return root / "noisyseg"


@pytest.fixture
def clone(tmp_path):
    """The folder that holds a clone named noisyseg, which looks like a namespace package."""
    (tmp_path / "parent/noisyseg/bench").mkdir(parents=True)
    (tmp_path / "parent/noisyseg/bench/__init__.py").touch()
    return tmp_path / "parent"


def test_the_package_that_was_imported_is_described():
    package = own_package()
    assert Path(package.folder) == PACKAGE
    assert package.version == noisyseg.__version__
    assert re.fullmatch("[0-9a-f]{64}", package.sha256)


def test_the_working_folder_is_hidden_only_if_ray_alone_searches_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert own_package().hidden == (str(tmp_path),)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert own_package().hidden == ()


def test_the_driver_s_package_wins_over_a_namespace_and_over_another_checkout(clone, tmp_path):
    (tmp_path / "other/noisyseg").mkdir(parents=True)
    (tmp_path / "other/noisyseg/__init__.py").write_text("raise SystemError('another')")
    for folder in (clone, tmp_path / "other"):
        other, file, _ = adopted(own_package(), folder, path=folder)
        assert other is None
        assert file == str(PACKAGE / "__init__.py")


def test_a_hidden_folder_is_searched_no_more(tmp_path):
    package = own_package()._replace(hidden=(str(tmp_path),))
    _, _, path = adopted(package, tmp_path, path=tmp_path)
    assert str(tmp_path) not in path


def test_an_equal_package_at_another_place_will_do(copy, tmp_path):
    package = own_package()._replace(folder=str(tmp_path / "not here"))
    other, file, _ = adopted(package, tmp_path, path=copy.parent)
    assert other is None
    assert file == str(copy / "__init__.py")


@pytest.mark.parametrize(
    "change",
    [
        lambda copy: (copy / "errors.py").write_text("# changed"),
        lambda copy: (copy / "bench/new.py").touch(),
        lambda copy: (copy / "noise/draws.py").rename(copy / "noise/drawn.py"),
        lambda copy: (copy / "methods/losses/lncis.py").unlink(),
    ],
    ids=["changed", "added", "renamed", "removed"],
)
def test_another_package_at_another_place_is_named(copy, tmp_path, change):
    change(copy)
    package = own_package()._replace(folder="/on/the/driver/noisyseg")
    other, _, _ = adopted(package, tmp_path, path=copy.parent)
    assert other is not None
    message = str(mismatch(package, other))
    assert f"in {copy}" in message
    assert "in /on/the/driver/noisyseg" in message


def test_no_package_at_all_is_said():
    error = mismatch(own_package(), ("node7", "no folder (ModuleNotFoundError: none)", "none"))
    assert "a worker on node7" in str(error)
    assert "no folder (ModuleNotFoundError" in str(error)


def test_files_that_changed_under_way_are_said_to_have():
    package = DriverPackage(folder="/here/noisyseg", version="1", sha256="", hidden=())
    error = mismatch(package, ("node", "/here/noisyseg", "1"))
    assert "/here/noisyseg changed while its runs were under way" in str(error)


def test_the_hash_is_of_python_files_alone_and_follows_links(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder / "__pycache__").mkdir(parents=True)
        (tmp_path / folder / "a.py").write_text("a")
    (tmp_path / "two/__pycache__/a.py").write_text("cache")
    (tmp_path / "two/data.json").write_text("{}")
    one, two = (python_files_sha256(str(tmp_path / name)) for name in ("one", "two"))
    assert one == two
    (tmp_path / "room").mkdir()
    (tmp_path / "room/b.py").write_text("b")
    (tmp_path / "two/room").symlink_to("../room")
    assert python_files_sha256(str(tmp_path / "two")) != one
