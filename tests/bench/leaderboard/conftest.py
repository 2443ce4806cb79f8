"""A store whose runs have all the files that a bundle takes, without a training."""

import json
import shutil

import numpy as np
import pytest
import yaml

from noisyseg.files import sha256_file
from noisyseg.results.evaluation.predictions import write_predictions
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore

ANSWERS = {
    "format": 1,
    "name": "A method",
    "authors": ["A. Author"],
    "paper": None,
    "code": None,
    "licence": "MIT",
    "summary": "A summary.",
    "tuned_on": "nothing",
    "extra_data": None,
    "pretrained": None,
}


def write_card(path, method, parameters):
    """A card that is filled in."""
    card = {**ANSWERS, "method": method, "parameters": dict(parameters)}
    path.write_text(yaml.safe_dump(card), encoding="utf-8")
    return path


def average_precision(run):
    """Another number for each cell and seed."""
    return 20.0 + 7 * (run.method_label == "lncis") + 3 * (run.noise_seed is None) + run.seed / 3


@pytest.fixture
def finish(record_of):
    """Gives a run its files and its record, as training would leave them."""

    def make(run, store, **fields):
        run.folder.mkdir(parents=True, exist_ok=True)
        predictions, log = run.folder / "predictions.json.zst", run.folder / "log.jsonl"
        images = [image["id"] for image in json.loads(run.eval_annotations.read_bytes())["images"]]
        place = [run.seed, len(run.method_label), len(run.noise_label)]
        score = float(np.random.default_rng(place).random())
        found = {
            "image_id": images[0],
            "category_id": 7,
            "score": score,
            "bbox": [1.0, 1.0, 8.0, 8.0],
            "segmentation": {"size": [10, 20], "counts": "d0"},
        }
        write_predictions(
            predictions,
            [found],
            image_ids=images,
            annotation_sha256=sha256_file(run.eval_annotations),
        )
        log.write_text(f'{{"epoch": 1, "loss": {score}}}\n')
        checksums = {
            "predictions": sha256_file(predictions),
            "log": sha256_file(log),
            "manifest": None,
            "noisy_annotations": None,
        }
        if run.manifest is not None:
            shutil.copy(run.manifest, run.folder / "manifest.json")
            checksums["manifest"] = sha256_file(run.manifest)
            checksums["noisy_annotations"] = sha256_file(run.train_annotations)
        made = record_of(run, average_precision(run))
        kept = {k: v for k, v in made.items() if k not in ("format", "key", "checksum")}
        store.save(seal({**kept, "checksums": checksums, **fields}))

    return make


@pytest.fixture
def trained(toy, tmp_path, finish):
    """The toy suite's store, all runs done: its folder and its runs."""

    def make(folder="runs", turned=False):
        out = tmp_path / folder
        runs = toy.expand(out)
        for run in reversed(runs) if turned else runs:
            finish(run, RunStore(out))
        return out, runs

    return make


@pytest.fixture
def card(tmp_path):
    """A card of a method of the toy suite."""

    def make(runs, method="lncis"):
        run = next(run for run in runs if run.method_label == method)
        return write_card(tmp_path / f"{method}.yaml", method, run.spec["method"]["parameters"])

    return make
