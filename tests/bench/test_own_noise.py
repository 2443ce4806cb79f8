"""Noise types of anyone's own: on the command line, and in suites and run keys."""

import json
import shutil
import sys

import pytest

from noisyseg import own_code
from noisyseg.noise.golden import SAMPLE
from noisyseg.noise.types import own_types, registry

TYPE = """
from noisyseg.noise.families.presence_noise import AdditionNoise
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.parameters import Parameter, integer


def added(parameters, scene, draws):
    first, number = scene.document["annotations"][0], parameters["number"]
    return [{**first, "iscrowd": 0, "id": scene.largest_id + 1 + n} for n in range(number)]


TWINS = NoiseType(
    name="twins",
    family=AdditionNoise(added=added),
    summary="the first annotation once more",
    source="none",
    parameters={"number": Parameter(parse=integer(least=1, most=9, unit="twins"), summary="many")},
)
"""


@pytest.fixture(autouse=True)
def _no_types_of_others(monkeypatch):
    monkeypatch.setattr(registry, "_OF_FILES", {})


@pytest.fixture
def file(tmp_path):
    """The file of a type of one's own."""
    (tmp_path / "twins.py").write_text(TYPE)
    return f"{tmp_path / 'twins.py'}:TWINS"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The same in a package; called with a text, its file becomes that."""
    info = tmp_path / "site" / "some_noise-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-noise\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[noisyseg.noise]\ntwins = some_noise_types:TWINS\n")

    def change(text):
        (tmp_path / "site" / "some_noise_types.py").write_text(text)
        monkeypatch.delitem(sys.modules, "some_noise_types", raising=False)
        own_types.installed_type.cache_clear()

    monkeypatch.syspath_prepend(tmp_path / "site")
    own_code.installed.cache_clear()
    change(TYPE)
    yield change
    own_code.installed.cache_clear()
    own_types.installed_type.cache_clear()


def test_a_files_type_is_made_told_verified_and_undone(call, file, tmp_path, monkeypatch):
    clean = shutil.copy(SAMPLE, tmp_path / "clean.json")
    given = ("noise", "make", "--annotations", clean, "--seed", 1, "--out", "noisy.json")
    own = ("--noise-file", file)
    twins = ("--type", "twins", "--set", "number=3")
    assert "unknown noise type 'twins'" in call(*given, *twins).err
    done = call(*given, *twins, *own)
    assert (done.status, done.err) == (0, "")
    assert "step 1, twins: intended —, realised " in done.out
    assert "; 3 added of " in done.out
    assert "which takes --set number=…" in call(*given, *own, "--type", "twins", "--rate", 0.4).err
    monkeypatch.setattr(registry, "_OF_FILES", {})
    verify = ("noise", "verify", "noisy.json", "--clean", clean)
    done = call(*verify)
    assert (done.status, done.out) == (2, "")
    assert "made by twins noise, which is not built in and not installed here" in done.err
    assert "--noise-file PATH.py:NAME" in done.err
    assert call(*verify, *own).status == 0
    assert (
        call("noise", "invert", "noisy.json", "noisy.manifest.json", "--out", "b.json").status == 0
    )
    again = ("noise", "apply", clean, "noisy.manifest.json", "--out", "again.json")
    assert call(*again, *own).status == 0
    assert (tmp_path / "here" / "again.json").read_bytes() == (
        tmp_path / "here" / "noisy.json"
    ).read_bytes()


def test_check_tells_what_a_files_type_breaks(call, file):
    done = call("noise", "check", file)
    assert (done.status, done.out) == (2, "")
    assert "'number' must have a value" in done.err
    done = call("noise", "check", file, "--set", "number=3", "--json")
    assert done.status == 1
    document = json.loads(done.out)
    assert (document["name"], document["passed"]) == ("twins", False)
    assert document["where"] == file.rpartition(":")[0]
    failed = [check["name"] for check in document["checks"] if not check["passed"]]
    assert failed == ["seeds differ", "annotations by themselves"]
    done = call("noise", "check", file, "--set", "number=3")
    assert "FAILED  seeds differ  " in done.out
    assert done.out.endswith("twins: 2 of 9 checks FAILED\n")


def test_a_built_in_type_passes(call):
    done = call("noise", "check", "scale")
    assert (done.status, done.err) == (0, "")
    assert done.out.endswith("scale: all 10 checks passed\n")
    assert call("noise", "check", "scal").status == 2


def test_an_installed_type_is_listed(call, installed):
    entry = json.loads(call("noise", "list", "--json").out)[-1]
    assert (entry["name"], entry["family"]) == ("twins", "presence")
    assert entry["where"] == "some-noise 1.2"
    shown = call("noise", "list").out
    assert (
        "\ntwins (presence): the first annotation once more. none\n    from some-noise 1.2" in shown
    )
    installed("raise ValueError('no')")
    entry = json.loads(call("noise", "list", "--json").out)[-1]
    assert entry["name"] == "twins"
    assert "cannot be imported: ValueError: no" in entry["problem"]
    assert "\ntwins: cannot be used: noise type 'twins' of some-noise" in call("noise", "list").out


def test_a_suite_has_a_files_type(toy, call, file, tmp_path, monkeypatch):
    toy.suite["noise"] = {"twins": {"type": "twins", "number": 2}}
    suite = toy.write()
    planned = ("run", suite, "--out", tmp_path / "runs", "--dry-run")
    assert "unknown noise type 'twins'" in call(*planned).err
    done = call(*planned, "--noise-file", file)
    assert done.status == 0
    assert len(done.out.splitlines()) == len(toy.suite["methods"])
    monkeypatch.setattr(registry, "_OF_FILES", {})
    assert call("suite", "validate", suite, "--noise-file", file).status == 0


def test_a_suite_has_an_installed_type_and_its_file_in_the_run_key(toy, installed, tmp_path):
    toy.suite["noise"] = {"twins": {"type": "twins", "number": 2}}
    toy.write()
    keys = {}
    for text in (TYPE, TYPE + "# changed\n"):
        installed(text)
        runs = toy.expand(tmp_path / "runs")
        keys[text] = {run.key for run in runs}
        (step,) = runs[0].spec["noise"]["steps"]
        assert step == {
            "type": "twins",
            "version": 1,
            "file_sha256": own_types.installed_type("twins").origin.file_sha256,
            "number": 2,
        }
    one, other = keys.values()
    assert not one & other
