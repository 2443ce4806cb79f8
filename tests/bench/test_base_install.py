"""What `pip install noisyseg` gives without the extra `train`: noise and results, no training.

The environment is a fresh one that holds the base's requirements and what they require, linked from
the environment of the tests; there is no torch and no Ray in it.
"""

import json
import re
import subprocess
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

from noisyseg.files import sha256_file
from noisyseg.results.evaluation.predictions import write_predictions
from noisyseg.results.records.store import RunStore

requirements = pytest.importorskip("packaging.requirements")
ROOT = Path(__file__).parents[2]


def base_requirements():
    settings = (ROOT / "pyproject.toml").read_text()
    block = re.search(r"^dependencies = \[\n(.*?)^\]", settings, re.M | re.S)[1]
    return re.findall(r'"(.*)"', block)


def with_what_they_require(texts) -> dict[str, Distribution]:
    found: dict[str, Distribution] = {}
    waiting = list(texts)
    while waiting:
        wanted = requirements.Requirement(waiting.pop())
        if wanted.name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        found[wanted.name] = distribution(wanted.name)
        waiting += found[wanted.name].requires or []
    return found


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of the base's environment."""
    folder = tmp_path_factory.mktemp("base")
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for found in with_what_they_require(base_requirements()).values():
        for top in {Path(file).parts[0] for file in found.files} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(found.locate_file(top))
    (site / "noisyseg").symlink_to(ROOT / "noisyseg")
    return folder / "bin/python"


@pytest.fixture
def call(python, tmp_path):
    def make(*words, status=0):
        command = [str(python), "-m", "noisyseg.bench.cli", *map(str, words)]
        environment = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "MPLCONFIGDIR": str(tmp_path)}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    return make


@pytest.fixture
def recorded(toy, tmp_path, record_of):
    """A suite's file and the store with its records, one with a parameter of its own."""
    toy.suite["methods"] = {"ce": None, "gce": {"q": 0.7}}
    toy.write()
    store = RunStore(tmp_path / "runs")
    for number, run in enumerate(toy.expand(store.root)):
        store.save(record_of(run, 30.0 + number))
    return toy.file, store.root


@pytest.mark.parametrize("name", ["torch", "torchvision", "mmdet", "mmcv", "mmengine", "ray"])
def test_nothing_that_trains_is_there(python, name):
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is not None)"
    assert subprocess.run([python, "-c", code]).returncode == 0


def test_noise_is_made_and_verified(call, toy, tmp_path):
    clean, noisy = toy.root / "train.json", tmp_path / "noisy.json"
    made = ("--type", "symmetric", "--rate", "0.4", "--seed", "1")
    call("noise", "make", "--annotations", clean, *made, "--out", noisy)
    call("noise", "verify", noisy, "--clean", clean)
    noisy.write_bytes(noisy.read_bytes().replace(b"1", b"2", 1))
    call("noise", "verify", noisy, "--clean", clean, status=1)


def test_tables_and_reports_are_made_of_records(call, recorded):
    suite, out = recorded
    table = call("table", suite, "--out", out).stdout
    assert "30.0 (n=1)" in table
    call("report", suite, "--out", out)
    assert (out.parent / "toy.html").is_file()
    states = json.loads(call("status", "--out", out, "--json").stdout)
    assert len(states["runs"]) == 4
    assert call("suite", "list").stdout
    assert call("methods", "list").stdout


def test_the_doctor_says_that_what_trains_is_not_there(call):
    found = json.loads(call("doctor", "--json", status=2).stdout)["findings"]
    bad = [row for row in found if row["level"] == "problem"]
    assert [row["name"] for row in bad if row["name"] != "packages"] == []
    assert any("noisyseg[train]" in row["mend"] for row in bad)


def test_predictions_are_scored(call, toy, tmp_path):
    annotations, predictions = toy.root / "eval.json", tmp_path / "predictions.json.zst"
    images = [image["id"] for image in toy.documents["eval"]["images"]]
    checksum = sha256_file(annotations)
    write_predictions(predictions, [], image_ids=images, annotation_sha256=checksum)
    done = call("evaluate", predictions, "--annotations", annotations, "--json")
    assert json.loads(done.stdout)["segm"]["AP"] == 0.0


@pytest.mark.parametrize("words", [("methods", "check", "ce"), ("run", "SUITE")], ids=" ".join)
def test_a_command_that_needs_the_rest_says_how_to_get_it(call, toy, words):
    given = [toy.file if word == "SUITE" else word for word in words]
    error = call(*given, status=2).stderr
    called = "run" if words[0] == "run" else "methods check"
    assert error.splitlines()[-1] == (
        f"error: `noisyseg {called}` needs torch, which is not installed: "
        "pip install 'noisyseg[train]'"
    )
