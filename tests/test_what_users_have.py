"""What users have of earlier versions stays theirs: keys, records, noisy files, a training.

`held/` was made by the code of version 0.1.0, before its files were moved, but for what later
versions of training changed: `runs` in keys.json and first_epoch.json. Everything here goes by the
command line, or by what docs/results.md has for Python: neither moves. A test that fails says
that runs would be trained again, or a file no longer be read. Where that is meant, raise the
version that the key has of it (TRAINING, EVALUATION, a noise type's) and hold the new facts.
"""

import hashlib
import importlib.metadata
import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
import zstandard

import noisyseg
from noisyseg.bench.training.version import TRAINING
from noisyseg.results.frame import load, tabulated
from noisyseg.results.table_formats import render

ROOT = Path(__file__).parents[1]
HELD = Path(__file__).with_name("held")
SCRIPT = ROOT / "run_benchmark.py"
KEYS = json.loads((HELD / "keys.json").read_text())
EPOCH = json.loads((HELD / "first_epoch.json").read_text())
NOISE = {"labels": "--type symmetric --rate 0.4", "masks": "--type scale --preset mid"}
GOLDEN = {
    "hashes.json": "35aec6ed777be6786bed55139c76f00518190d72b3a38fc0da1785ae04ff0f51",
    "sample.json": "a80f0029943dfc2c5f92a254ed3001151d953d17f90205e0ccf5089e951a12f2",
}
CHECKED = "checked.json"
LOSSES = ("loss", "loss_rpn_cls", "loss_rpn_bbox", "loss_cls", "loss_bbox", "loss_mask")
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


class Called(NamedTuple):
    """What a command left: its exit status and what it printed."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Data sets in all layouts, and caches: for shapes, and of weights.

    The name of ResNet-50's weights says how their SHA-256 begins; that of held/weights.txt, which
    stands in for them, begins likewise.
    """
    folder = tmp_path_factory.mktemp("home")
    command = [sys.executable, str(ROOT / "tools" / "make_fixtures.py"), str(folder / "data")]
    subprocess.run(command, check=True, env=os.environ | ONE_THREAD)
    shutil.copytree(folder / "data" / "coco", folder / "data" / "coco_sample")
    for path in (
        folder / "torch" / "hub" / "checkpoints" / "resnet50-0676ba61.pth",
        folder / "data" / "weights" / "mobilenetv2_imagenet.pth",
    ):
        path.parent.mkdir(parents=True)
        shutil.copy(HELD / "weights.txt", path)
    write_boards(folder / "data" / "boards")
    return folder


def write_boards(folder):
    """COCO-format data for examples/boards.yaml: its classes and one more, an object an image."""
    names = [
        *yaml.safe_load((ROOT / "examples/boards.yaml").read_text())["data"]["classes"],
        "other",
    ]
    (folder / "annotations").mkdir(parents=True)
    for part, count in (("train", 200), ("test", 30)):
        (folder / part).mkdir()
        images, objects = [], []
        for n in range(1, count + 1):
            images.append({"id": n, "file_name": f"{n}.jpg", "width": 64, "height": 48})
            (folder / part / f"{n}.jpg").touch()
            box = [float(n % 20), 4.0, 24.0, 30.0]
            left, top, right, bottom = box[0], box[1], box[0] + box[2], box[1] + box[3]
            outline = [left, top, right, top, right, bottom, left, bottom]
            place = {"image_id": n, "category_id": n % len(names) + 1, "id": 7 * n, "iscrowd": 0}
            objects.append({**place, "bbox": box, "area": 720.0, "segmentation": [outline]})
        categories = [{"id": n, "name": name} for n, name in enumerate(names, start=1)]
        document = {"images": images, "annotations": objects, "categories": categories}
        (folder / "annotations" / f"instances_{part}.json").write_text(json.dumps(document))


@pytest.fixture
def call(home, monkeypatch, capsys):
    """Does what `python run_benchmark.py …` does, in this process, which imports once for all."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(home / "torch"))
    monkeypatch.chdir(ROOT)

    def make(*words):
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        return Called(ended.value.code, *capsys.readouterr())

    return make


@pytest.fixture
def first_training(monkeypatch):
    """Keys as they are with the first version of training."""
    monkeypatch.setitem(TRAINING, "version", 1)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def contents(folder):
    """Every file below a folder, by its path."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


# Keys. They hold the SHA-256 of annotation files (of VOC and Cityscapes: the converted ones), of
# weights and of a method's file, and every value of a suite, but no pixel, path, or version of a
# package: they are the same on every machine, as long as make_fixtures.py draws the same.


def test_the_data_that_the_keys_are_of_are_the_same(home):
    assert sha256((home / "data" / "drawn.json").read_bytes()) == KEYS["drawn"]


@pytest.mark.parametrize("suite", KEYS["runs"])
def test_a_runs_key_is_what_it_was(call, home, tmp_path, suite):
    data = ("--data-root", home / "data", "--allow-partial", "--out", tmp_path / "runs")
    done = call("run", *suite.split(), *data, "--dry-run")
    assert done.status == 0, done.err
    found = {}
    for line in done.out.splitlines():
        key, state, label = line.split("  ", 2)
        assert state == "to train"
        assert label.strip() not in found
        found[label.strip()] = key
    assert found == KEYS["runs"][suite]


@pytest.mark.parametrize("suite", KEYS["version_1"])
def test_it_changed_with_the_version_of_training_alone(call, home, tmp_path, suite, first_training):
    data = ("--data-root", home / "data", "--allow-partial", "--out", tmp_path / "runs")
    done = call("run", *suite.split(), *data, "--dry-run")
    assert done.status == 0, done.err
    assert {line.split()[0] for line in done.out.splitlines()} == set(
        KEYS["version_1"][suite].values()
    )


def test_every_shipped_suite_is_held(call):
    assert set(call("suite", "list").out.split()) <= {suite.split()[0] for suite in KEYS["runs"]}


# Noise


def test_the_golden_noise_is_what_was_shipped(call):
    assert call("noise", "golden") == (0, "84 cases, 0 hashes differ\n", "")
    package = os.walk(Path(noisyseg.__file__).parent, followlinks=True)
    (folder,) = (Path(place) for place, _, _ in package if Path(place).name == "golden")
    assert {name: sha256((folder / name).read_bytes()) for name in GOLDEN} == GOLDEN


@pytest.fixture
def noise(tmp_path):
    """A copy of the clean file, the noisy ones and their manifests."""
    return Path(shutil.copytree(HELD / "noise", tmp_path / "noise"))


@pytest.mark.parametrize("kind", NOISE)
def test_noisy_files_are_verified_and_undone(call, noise, kind):
    noisy, clean, back = noise / f"{kind}.json", noise / "clean.json", noise / "back.json"
    done = call("noise", "verify", noisy, "--clean", clean)
    assert done.status == 0, done.err
    assert done.out.startswith("verified: ")
    done = call("noise", "invert", noisy, noise / f"{kind}.manifest.json", "--out", back)
    assert done.status == 0, done.err
    assert back.read_bytes() == clean.read_bytes()


@pytest.mark.parametrize("kind", NOISE)
def test_noisy_files_are_made_again(call, noise, tmp_path, kind):
    """Other versions of OpenCV and pycocotools may draw other masks, here as in golden noise."""
    words = ("noise", "make", "--annotations", noise / "clean.json", *NOISE[kind].split())
    done = call(*words, "--seed", "1", "--out", tmp_path / "again.json")
    assert done.status == 0, done.err
    for ending in (".json", ".manifest.json"):
        assert (tmp_path / f"again{ending}").read_bytes() == (
            noise / f"{kind}{ending}"
        ).read_bytes()


# Records


@pytest.fixture
def store(tmp_path):
    """A copy of the store of `done.yaml`, without checkpoints."""
    return Path(shutil.copytree(HELD / "store", tmp_path / "store"))


def record_of(folder):
    return json.loads((folder / "record.json").read_text())


def test_runs_that_were_done_are_done(call, store, first_training):
    rows = json.loads(call("status", "--out", store, "--json").out)
    records = {path.parent.name: record_of(path.parent) for path in store.rglob("record.json")}
    assert rows["problems"] == []
    assert {row["key"]: (row["status"], row["mask_ap"]) for row in rows["runs"]} == {
        key: ("done", record["metrics"]["segm"]["AP"]) for key, record in records.items()
    }
    listed = call("run", HELD / "done.yaml", "--out", store, "--dry-run").out.splitlines()
    assert {line.split()[0]: line.split()[1] for line in listed} == dict.fromkeys(records, "done")


def test_a_later_version_of_training_trains_them_again_and_still_shows_them(call, store):
    listed = call("run", HELD / "done.yaml", "--out", store, "--dry-run").out.splitlines()
    assert [line.split()[1:3] for line in listed] == [["to", "train"]] * 2
    rows = json.loads(call("status", "--out", store, "--json").out)
    assert [row["status"] for row in rows["runs"]] == ["done"] * 2


def test_they_are_not_trained_again_and_give_the_same_tables(call, store, first_training):
    before = contents(store)
    done = call("run", HELD / "done.yaml", "--out", store)
    assert (done.status, done.out) == (0, (HELD / "table.md").read_text())
    assert "done: 2 done, 0 to train\n" in done.err
    done = call("table", HELD / "done.yaml", "--out", store, "--format", "csv")
    assert done.status == 0
    # Their columns, in their order; what came later stands behind them.
    known = (HELD / "table.csv").read_text().splitlines()
    for now, then in zip(done.out.splitlines(), known, strict=True):
        assert now.startswith(f"{then},")
    after = contents(store)
    # What is noted beside annotation files is for speed alone, and made anew by another version.
    theirs = {path: content for path, content in before.items() if Path(path).name != CHECKED}
    assert {path: after.get(path) for path in theirs} == theirs
    added = {path for path in after.keys() - before.keys() if not path.endswith(".json.index")}
    assert added == {"tables/done.md", "suites/done.json"}


def test_their_predictions_give_their_numbers(call, store):
    for path in store.rglob("record.json"):
        done = call("evaluate", path.parent, "--verify", "--json")
        assert done.status == 0, done.err
        assert json.loads(done.out)["difference_from_record"] < 1e-9
        assert path.read_bytes() == (HELD / "store" / path.relative_to(store)).read_bytes()


def test_a_notebook_reads_them(store):
    runs = load(store)
    assert set(runs.columns) >= set((HELD / "columns.txt").read_text().split())
    assert len(set(runs.setting)) == 1
    # Without the suite nothing knows its labels.
    table = (HELD / "table.md").read_text().replace("sym40", "symmetric-0.4")
    assert render(tabulated(runs, title="done"), "md").strip() == table.strip()


# Training


def machine() -> dict[str, Any]:
    """What the last bits of a training on a CPU depend on."""
    first, _, _ = Path("/proc/cpuinfo").read_text().partition("\n\n")
    pairs = (line.partition(":") for line in first.splitlines())
    processor = {name.strip(): value.strip() for name, _, value in pairs}
    vectors = (f for f in processor.get("flags", "").split() if f.startswith(("avx", "fma", "amx")))
    names = ("model name", "cpu family", "model", "cache size")
    named = {name: processor.get(name) for name in names}
    return {
        "processor": {**named, "vectors": sorted(vectors)},
        "packages": {name: importlib.metadata.version(name) for name in EPOCH["packages"]},
    }


def trained(home, out):
    """What the two runs of first_epoch.yaml give, each in a process and a thread of its own."""
    command = (sys.executable, SCRIPT, "run", HELD / "first_epoch.yaml", "--out", out)
    paths = {"XDG_CACHE_HOME": str(home / "cache"), **ONE_THREAD}
    done = subprocess.run(
        [*map(str, command), "--cpus-per-run", "1", "--gpus-per-run", "0"],
        env=os.environ | paths,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    runs = {}
    for path in out.rglob("log.jsonl"):
        (line,) = path.read_text().splitlines()
        log = json.loads(line)
        del log["seconds"]
        packed = (path.parent / "predictions.json.zst").read_bytes()
        predictions = sha256(zstandard.ZstdDecompressor().decompressobj().decompress(packed))
        runs[path.parents[1].name] = {"log": log, "predictions_sha256": predictions}
    return runs


def test_the_first_epoch_of_quick_gives_the_same_bits(home, tmp_path, request):
    """Bit for bit on the same processor with the same packages; on another the losses, nearly.

    quick's model, protocol and training images, 4 images to evaluate, and of 40 epochs the first.
    Last bits can decide which RoI is drawn: by older vector instructions loss_cls moved by 7e-4.
    """
    found = trained(home, tmp_path / "runs")
    same_machine = machine() == {name: EPOCH[name] for name in ("processor", "packages")}
    # Not by record_property, which pytest warns of where a JUnit report is asked for.
    request.node.user_properties.append(
        ("compared", "bit for bit" if same_machine else "losses, nearly")
    )
    if same_machine:
        assert found == EPOCH["runs"]
    for method, held in EPOCH["runs"].items():
        nearly = {name: pytest.approx(held["log"][name], rel=5e-3) for name in LOSSES}
        assert {name: found[method]["log"][name] for name in LOSSES} == nearly
