"""A store of a toy suite's runs as trainings leave them, made in milliseconds without training."""

import json
import shutil

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.files import sha256_file
from noisyseg.results.evaluation.evaluation import evaluate
from noisyseg.results.evaluation.predictions import read_predictions, write_predictions
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore

PER_IMAGE = 9


def detections(document, generator):
    """Of each image: its instances, each a little off and perhaps of another class, and others."""
    categories = [entry["id"] for entry in document["categories"]]
    found = []
    for image in document["images"]:
        shapes = [
            (entry["bbox"], entry["category_id"], True)
            for entry in document["annotations"]
            if entry["image_id"] == image["id"] and not entry["iscrowd"]
        ]
        while len(shapes) < PER_IMAGE:
            x, y = generator.uniform(0, 12), generator.uniform(0, 5)
            box = [x, y, *generator.uniform(2, 5, 2)]
            shapes.append((box, int(generator.choice(categories)), False))
        for (x, y, width, height), category, is_instance in shapes:
            box = [x + generator.normal(0, 0.3), y, width, height + generator.normal(0, 0.3)]
            x, y, width, height = (max(0.0, float(side)) for side in box)
            outline = [[x, y, x + width, y, x + width, y + height, x, y + height]]
            if is_instance:  # half of their boxes, as in the annotations
                outline = [outline[0][:6]]
            runs = coco_mask.merge(coco_mask.frPyObjects(outline, 10, 20))
            kept = generator.random() < 0.8
            found.append(
                {
                    "image_id": image["id"],
                    "category_id": category if kept else int(generator.choice(categories)),
                    "score": float(generator.random()),
                    "bbox": [x, y, width, height],
                    "segmentation": {"size": [10, 20], "counts": runs["counts"].decode()},
                }
            )
    return found


def write_run(run, store, seed):
    """The files of a run that was trained, and its record."""
    run.folder.mkdir(parents=True)
    document = json.loads(run.eval_annotations.read_bytes())
    file = run.folder / "predictions.json.zst"
    write_predictions(
        file,
        detections(document, np.random.default_rng(seed)),
        image_ids=[image["id"] for image in document["images"]],
        annotation_sha256=sha256_file(run.eval_annotations),
    )
    epochs = run.spec["protocol"]["epochs"]
    lines = [json.dumps({"epoch": n, "loss": 2.5 - n / epochs}) + "\n" for n in range(epochs)]
    (run.folder / "log.jsonl").write_text("".join(lines))
    if run.manifest is not None:
        shutil.copy(run.manifest, run.folder / "manifest.json")
    record = seal(
        {
            "status": "done",
            "spec": run.spec,
            "metrics": evaluate(
                run.eval_annotations,
                read_predictions(file),
                classes=run.spec["data"]["classes"],
            ),
            "failure": None,
            "checksums": {
                "manifest": None if run.manifest is None else sha256_file(run.manifest),
                "predictions": sha256_file(file),
                "log": sha256_file(run.folder / "log.jsonl"),
                "noisy_annotations": None
                if run.manifest is None
                else sha256_file(run.train_annotations),
            },
            "lineage": {"resumed_from_epoch": 0},
            "environment": {"noisyseg": "0.1.0", "device": "cpu"},
            "timings": {"training": 60.0, "evaluation": 5.0},
            "started": "2025-01-02T03:04:05Z",
            "finished": f"2025-01-02T04:{seed:02d}:06Z",
        }
    )
    store.save(record)


@pytest.fixture
def write_files():
    """Gives a run its files and its record; see `write_run`."""
    return write_run


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """A folder for what all tests start from: each has a copy of its own."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def toy_store(toy, tmp_path, kept):
    """The suite's file, the store and the runs of three seeds of `ce` and `lncis`."""
    toy.suite["seeds"] = [0, 1, 2]
    toy.write()
    out = tmp_path / "runs"
    runs = toy.expand(out)
    if (kept / "runs").exists():
        shutil.copytree(kept / "runs", out, dirs_exist_ok=True)
    else:
        for number, run in enumerate(runs):
            write_run(run, RunStore(out), number)
        shutil.copytree(out, kept / "runs")
    return toy.file, out, runs


@pytest.fixture
def toy_bundle(toy_store, card, call, tmp_path, kept):
    """The bundle of the toy store's `lncis`, as submitted."""
    suite, out, runs = toy_store
    path = tmp_path / "lncis.zip"
    if not (kept / path.name).exists():
        words = ("leaderboard", "submit", out, "--suite", suite, "--card", card(runs))
        done = call(*words, "--out", kept / path.name)
        assert done.status == 0, done.err
    shutil.copy(kept / path.name, path)
    return path
