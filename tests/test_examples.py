"""The examples of one's own: a method in a file, and packages installed in a fresh venv."""

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
import torch

from noisyseg.errors import InputError
from noisyseg.methods.context import LossContext
from noisyseg.methods.plugins import installed_names
from noisyseg.methods.registry import methods_of_files, named, resolve
from noisyseg.noise.golden import SAMPLE
from noisyseg.noise.operations import verify

EXAMPLES = Path(__file__).parents[1] / "examples"
FILE = EXAMPLES / "my_method.py"
PACKAGE = EXAMPLES / "noisyseg-truncated-loss"
NOISE = EXAMPLES / "noisyseg-similar-classes"
SUITE = """
name: own
data: {format: shapes, size: 64, train_images: 4, val_images: 2}
model: mask-rcnn-tiny
protocol: {extends: smoke, name: short, epochs: 2, schedule: {milestones: []}}
methods: {ce: , truncated-gce: {start: 0}}
noise: {sym40: {type: symmetric, rate: 0.4}}
seeds: [0]
"""

pytest.importorskip("setuptools", minversion="77")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The python of a fresh venv with the packages; what noisyseg needs comes from this one's."""
    folder = tmp_path_factory.mktemp("examples")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    question = "import sysconfig; print(sysconfig.get_path('purelib'))"
    here = Path(subprocess.check_output([python, "-c", question], text=True).strip())
    below = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    # addsitedir, for the editable install of noisyseg, too.
    lines = [f"import site; site.addsitedir({path!r})\n" for path in sorted(below)]
    (here / "below.pth").write_text("".join(lines))
    sources = [folder / package.name for package in (PACKAGE, NOISE)]
    for source in sources:
        built = shutil.ignore_patterns("build", "*.egg-info")
        shutil.copytree(EXAMPLES / source.name, source, ignore=built)
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    ran([*pip, "install", *offline, *map(str, sources)], folder)
    for source in sources:
        shutil.rmtree(source)
    return python


def ran(command, folder):
    cache = {"XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**os.environ, **cache},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_method_is_one_file_of_less_than_40_lines():
    assert len(FILE.read_text().splitlines()) < 40


def test_the_files_method_passes_the_check(tmp_path):
    out = ran(
        [sys.executable, "-m", "noisyseg.bench.cli", "methods", "check", f"{FILE}:taylor_ce"],
        tmp_path,
    )
    assert "FAILED" not in out


def test_the_package_is_found_checked_and_trained_with(installed, tmp_path):
    noisyseg = [installed, "-m", "noisyseg.bench.cli"]
    listed = json.loads(ran([*noisyseg, "methods", "list", "--json"], tmp_path))
    (own,) = [row for row in listed if row["origin"] != "built in"]
    file = PACKAGE / "src" / "noisyseg_truncated_loss.py"
    assert own["name"] == "truncated-gce"
    assert own["origin"] == "noisyseg-truncated-loss 0.1.0"
    assert own["problem"] is None
    assert own["needs"] == ["annotation_ids"]
    assert own["file_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "FAILED" not in ran([*noisyseg, "methods", "check", "truncated-gce"], tmp_path)
    (tmp_path / "own.yaml").write_text(SUITE)
    ran([*noisyseg, "run", "own.yaml"], tmp_path)
    (path,) = (tmp_path / "runs").glob("*/truncated-gce/*/record.json")
    record = json.loads(path.read_text())
    assert record["status"] == "done"
    assert record["spec"]["method"]["file_sha256"] == own["file_sha256"]


def test_a_noise_type_is_one_file_of_less_than_40_lines():
    (file,) = NOISE.glob("src/*.py")
    assert len(file.read_text().splitlines()) < 40


def test_the_noise_package_is_found_checked_and_made_with(installed, tmp_path):
    noisyseg = [installed, "-m", "noisyseg.bench.cli", "noise"]
    own = json.loads(ran([*noisyseg, "list", "--json"], tmp_path))[-1]
    (file,) = NOISE.glob("src/*.py")
    assert (own["name"], own["where"]) == ("similar-classes", "noisyseg-similar-classes 0.1.0")
    assert own["file_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "FAILED" not in ran([*noisyseg, "check", "similar-classes"], tmp_path)
    step = ["--type", "similar-classes", "--rate", "0.5", "--set", "groups=[[cat, dog, sheep]]"]
    given = ["--annotations", SAMPLE, *step, "--seed", "1", "--out", "noisy.json"]
    ran([*noisyseg, "make", *given], tmp_path)
    manifest = json.loads((tmp_path / "noisy.manifest.json").read_text())
    assert manifest["spec"]["steps"][0]["file_sha256"] == own["file_sha256"]
    changed = {name for old, new, _ in manifest["changes"]["classes"] for name in (old, new)}
    assert changed <= {17, 18, 20}
    assert manifest["annotations"]["class_changed"] > 0
    verified = ran([*noisyseg, "verify", "noisy.json", "--clean", SAMPLE], tmp_path)
    assert verified.startswith("verified")
    with pytest.raises(InputError, match="made by similar-classes noise, which is not built in"):
        verify(tmp_path / "noisy.json", SAMPLE)


def test_the_package_is_not_known_without_being_installed():
    assert "truncated-gce" not in installed_names()


def context(epoch, count=None):
    return LossContext(
        num_classes=2,
        epoch=epoch,
        num_epochs=4,
        weights=torch.tensor([1.0, 1.0, 1.0, 0.0, 1.0])[:count],
        annotation_ids=torch.tensor([7, 7, 9, 9, -1])[:count],
    )


def logits_of(probabilities):
    """Logits whose softmax gives label 0 these probabilities, the other two classes the rest."""
    p = torch.tensor(probabilities, dtype=torch.float64)
    return torch.stack([p, (1 - p) / 2, (1 - p) / 2], dim=1).log()


def test_the_taylor_series_is_that_of_the_logarithm():
    own = methods_of_files([f"{FILE}:taylor_ce"])
    probabilities = [0.9, 0.5, 0.1, 0.99]
    logits, labels = logits_of(probabilities), torch.zeros(4, dtype=torch.long)
    for order in (1, 2, 5, 2000):
        loss = resolve("taylor_ce", {"order": order}, own=own).start().loss(logits, labels, None)
        for found, p in zip(loss.tolist(), probabilities, strict=True):
            assert found == pytest.approx(sum((1 - p) ** i / i for i in range(1, order + 1)))
    assert loss.tolist() == pytest.approx([-math.log(p) for p in probabilities])


def test_truncation_leaves_out_annotations_that_the_network_contradicts():
    method = named(f"{PACKAGE / 'src' / 'noisyseg_truncated_loss.py'}:TruncatedLoss").start()
    probabilities = [
        0.4,
        0.58,
        0.6,
        0.1,
        0.2,
    ]  # annotation 7: mean 0.49; 9: 0.6, its other of no weight
    logits = logits_of(probabilities)
    labels = torch.tensor([0, 0, 0, 0, 0])
    whole = [(1 - p**0.7) / 0.7 for p in probabilities]
    pruned = [0, 0, *whole[2:]]
    for epoch, expected in ((0, whole), (1, whole), (2, pruned)):
        method.start_epoch(epoch)
        assert method.loss(logits, labels, context(epoch)).tolist() == pytest.approx(expected)
    method.start_epoch(3)  # annotation 7 is met again, and agreed with: back in an epoch later
    assert method.loss(logits, labels, context(3)).tolist() == pytest.approx(pruned)
    method.loss(logits_of([0.95] * 2), labels[:2], context(3, 2))
    method.start_epoch(4)
    assert method.loss(logits, labels, context(3)).tolist() == pytest.approx(whole)
