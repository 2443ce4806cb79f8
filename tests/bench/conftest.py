"""A data set of ten annotations, a suite that uses it, and a command line that must not train."""

import importlib.util
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from PIL import Image

from noisyseg.bench.cli.command_line import main
from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.runs import checkpoint_note
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore

# Ids with gaps, in an order that is neither theirs nor the alphabet's.
CATEGORIES = {"fox": 7, "cat": 90, "dog": 3}


def toy_document(first_image: int) -> dict[str, Any]:
    """Three images; fox and cat, cat and dog, dog alone; the last annotation is a crowd."""
    images = [
        {"id": first_image + 10 * n, "file_name": f"{n}.png", "width": 20, "height": 10}
        for n in range(3)
    ]
    shown = [("fox", 0), ("cat", 0), ("cat", 1), ("dog", 1), ("dog", 2), ("dog", 1)]
    annotations = [
        {
            "id": 1000 * first_image + 17 * n,
            "image_id": images[image]["id"],
            "category_id": CATEGORIES[name],
            "bbox": [1.0, 1.0, 8.0, 8.0],
            "area": 32.0,
            "segmentation": [[1.0, 1.0, 9.0, 1.0, 9.0, 9.0]],
            "iscrowd": int(n == len(shown) - 1),
        }
        for n, (name, image) in enumerate(shown)
    ]
    categories = [{"id": number, "name": name} for name, number in CATEGORIES.items()]
    return {"images": images, "annotations": annotations, "categories": categories}


class Toy:
    """The data set's folder and its suite: change `documents` or `suite`, then `write`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.documents = {"train": toy_document(5), "eval": toy_document(600)}
        self.suite: dict[str, Any] = {
            "name": "toy",
            "data": {
                "format": "coco",
                "name": "toy",
                "train": {"annotations": "train.json", "images": "train"},
                "eval": {"annotations": "eval.json", "images": "eval"},
            },
            "model": "mask-rcnn-tiny",
            "protocol": "smoke",
            "methods": ["ce", "lncis"],
            "noise": {"clean": None, "sym40": {"type": "symmetric", "rate": 0.4}},
            "seeds": [0],
        }

    @property
    def file(self) -> Path:
        return self.root / "toy.yaml"

    def write(self) -> Path:
        """Write everything; returns the suite's file."""
        for split, document in self.documents.items():
            (self.root / f"{split}.json").write_text(json.dumps(document))
            (self.root / split).mkdir(parents=True, exist_ok=True)
            for n in range(3):
                Image.new("L", (20, 10)).save(self.root / split / f"{n}.png")
        self.file.write_text(yaml.safe_dump(self.suite, sort_keys=False))
        return self.file

    def expand(self, out: Path) -> list[Run]:
        """The runs of what is written."""
        suite = load_suite(str(self.file), data_root=None, cache=self.root / "cache")
        return expand(suite, RunStore(out))


@pytest.fixture(scope="session")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small data sets in the layouts of the official archives; not to be changed."""
    path = Path(__file__).parents[2] / "tools" / "make_fixtures.py"
    spec = importlib.util.spec_from_file_location("make_fixtures", path)
    script = importlib.util.module_from_spec(spec)
    sys.modules["make_fixtures"] = script  # for its dataclass
    spec.loader.exec_module(script)
    root = tmp_path_factory.mktemp("official")
    script.make_fixtures(root)
    return root


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    root = tmp_path / "toy"
    root.mkdir()
    made = Toy(root)
    made.write()
    return made


@pytest.fixture
def runs(toy, tmp_path):
    """Four runs with folders."""
    made = toy.expand(tmp_path / "runs")
    for run in made:
        run.folder.mkdir(parents=True)
    return made


@pytest.fixture
def record_of():
    """Makes the record of a run that ended with a mask AP, or failed with a message."""

    def make(run: Run, average: float | None = 30.0, failure: str | None = None) -> dict[str, Any]:
        names = ("manifest", "predictions", "log", "noisy_annotations")
        reason = {"type": "RuntimeError", "message": failure, "log": "run.log"}
        return seal(
            {
                "status": "done" if failure is None else "failed",
                "spec": run.spec,
                "metrics": {"segm": {"AP": average}} if failure is None else None,
                "failure": None if failure is None else reason,
                "checksums": dict.fromkeys(names),
                "lineage": {},
                "environment": {},
                "timings": {"training": 60.0, "evaluation": 5.0},
                "started": "2025-01-02T03:04:05Z",
                "finished": "2025-01-02T03:04:06Z",
            }
        )

    return make


class Called(NamedTuple):
    """What a command left: its exit status and what it printed."""

    status: int
    out: str
    err: str


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Calls the command line in an empty folder; Ray cannot be imported, training is a failure."""

    def forbidden(*given: Any) -> None:
        given[-1]()  # the check of the runs, which goes on beside Ray's start
        pytest.fail("training was started")

    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr("noisyseg.bench.cluster.scheduler.run_all", forbidden)

    def make(*arguments: object) -> Called:
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as error:  # argparse, for what it finds wrong itself
            status = error.code
        return Called(status, *capsys.readouterr())

    return make


_SIZES = {}


@pytest.fixture
def counted_once(monkeypatch):
    """`plan` counts detectors in another process, which imports mmdet; here in this one, once."""

    def count(model, protocol, num_classes):
        asked = [model.detector, dict(protocol), num_classes]
        key = json.dumps(asked, sort_keys=True, default=str)
        if key not in _SIZES:
            _SIZES[key] = checkpoint_note.checkpoint_size(model, protocol, num_classes)
        return _SIZES[key]

    monkeypatch.setattr("noisyseg.bench.cli.plan.counting_beside", lambda store: nullcontext(count))


class DataFolder:
    """A folder of data as a tool lays it out."""

    def __init__(self, root):
        self.root = root
        self.drawn = 0

    def part(self, file, images, *, number=6, names=None, classes=("cat", "dog", "horse"), **keys):
        """An annotation file and its images; an object an image, the classes in turn.

        Args:
            file, images: below the root; the images' folder.
            names: file name in the annotation file, of the image's own name and place.
            classes: names, or whole categories.
            keys: of every annotation.
        """
        categories = [
            {"id": place, **(entry if isinstance(entry, dict) else {"name": entry})}
            for place, entry in enumerate(classes, start=1)
        ]
        document = {"images": [], "annotations": [], "categories": categories}
        used = [entry for entry in categories if not entry.pop("unused", False)]
        (self.root / images).mkdir(parents=True, exist_ok=True)
        for place in range(1, number + 1):
            self.drawn += 1
            name = f"{self.drawn:04}.png"
            size = (64, 48)
            Image.new("RGB", size, (self.drawn, 0, 0)).save(self.root / images / name)
            document["images"].append(
                {
                    "id": place,
                    "file_name": name if names is None else names(name),
                    "width": size[0],
                    "height": size[1],
                }
            )
            document["annotations"].append(
                {
                    "id": place,
                    "image_id": place,
                    "category_id": used[place % len(used)]["id"],
                    "bbox": [8.0, 8.0, 24.0, 16.0],
                    "area": 384.0,
                    "iscrowd": 0,
                    "segmentation": [[8.0, 8.0, 32.0, 8.0, 32.0, 24.0, 8.0, 24.0]],
                    **keys,
                }
            )
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
        return path


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "my data")
