"""`compare`: methods on the same images, from their saved predictions."""

import json
import shutil

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.bench.reporting.comparison import matches_of
from noisyseg.files import sha256_file
from noisyseg.results.evaluation.evaluation import evaluate
from noisyseg.results.evaluation.predictions import read_predictions, write_predictions
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore
from noisyseg.results.statistics.bootstrap import drawn_precisions

DRAWS = ("--draws", "40")


def detections(run, generator, chance):
    """The evaluation file's own boxes, of the right class with some chance."""
    document = json.loads(run.eval_annotations.read_bytes())
    categories = [entry["id"] for entry in document["categories"]]
    found = []
    for entry in document["annotations"]:
        if entry["iscrowd"]:
            continue
        right = generator.random() < chance
        category = entry["category_id"] if right else int(generator.choice(categories))
        runs = coco_mask.merge(coco_mask.frPyObjects(entry["segmentation"], 10, 20))
        found.append(
            {
                "image_id": entry["image_id"],
                "category_id": category,
                "score": float(generator.random()),
                "bbox": entry["bbox"],
                "segmentation": {"size": [10, 20], "counts": runs["counts"].decode()},
            }
        )
    return found, [image["id"] for image in document["images"]]


@pytest.fixture
def recorded(toy, tmp_path, record_of):
    """The toy suite's runs with predictions: lncis finds what ce half misses."""
    out = tmp_path / "runs"
    store, generator = RunStore(out), np.random.default_rng(4)
    runs = toy.expand(out)
    for run in runs:
        run.folder.mkdir(parents=True)
        found, images = detections(run, generator, 1.0 if run.method_label == "lncis" else 0.2)
        write_predictions(
            run.folder / "predictions.json.zst",
            found,
            image_ids=images,
            annotation_sha256=sha256_file(run.eval_annotations),
        )
        made = record_of(run)
        fields = {k: v for k, v in made.items() if k not in ("format", "key", "checksum")}
        predictions = read_predictions(run.folder / "predictions.json.zst")
        fields["metrics"] = evaluate(run.eval_annotations, predictions)
        fields["checksums"]["predictions"] = sha256_file(run.folder / "predictions.json.zst")
        store.save(seal(fields))
    return out, runs


def test_methods_are_compared_with_the_first_and_ranked(call, toy, recorded):
    out, runs = recorded
    done = call("compare", toy.file, "--out", out, *DRAWS, "--json")
    assert done.status == 0, done.err
    document = json.loads(done.out)
    assert (document["baseline"], document["draws"]) == ("ce", 40)
    assert [group["noise"] for group in document["groups"]] == ["clean", "sym40"]
    store = RunStore(out)
    for group in document["groups"]:
        assert group["images"] == 3
        ce, lncis = group["methods"]
        for row in (ce, lncis):
            run = next(
                r
                for r in runs
                if (r.method_label, r.noise_label) == (row["method"], group["noise"])
            )
            recorded_ap = store.load(run.spec)["metrics"]["segm"]["AP"]
            assert row["average_precision"] == pytest.approx(recorded_ap, abs=1e-9)
        assert ce["comparison"] is None
        difference = lncis["average_precision"] - ce["average_precision"]
        assert lncis["comparison"]["difference"] == pytest.approx(difference)
        assert difference > 0
        assert (lncis["rank"], ce["rank"]) == (1.0, 2.0)


def test_the_table_says_what_the_intervals_are_of(call, toy, recorded):
    out, _ = recorded
    done = call("compare", toy.file, "--out", out, *DRAWS, "--baseline", "lncis")
    assert done.status == 0
    assert "mask AP against lncis, on the same images" in done.out
    assert "40 draws, 95 % intervals" in done.out
    assert "what another seed would give is not in it" in done.out
    assert "### clean, seed 0 (3 images)" in done.out
    assert "| lncis | 100.0 | — | — | — | baseline | 1 (1 to 1) |" in done.out
    again = call("compare", toy.file, "--out", out, *DRAWS, "--baseline", "lncis")
    assert again.out == done.out
    other = call(
        "compare", toy.file, "--out", out, *DRAWS, "--baseline", "lncis", "--bootstrap-seed", 9
    )
    assert other.status == 0


def test_a_method_ties_with_its_like(call, toy, recorded):
    out, runs = recorded
    toy.suite["methods"] = {"ce": None, "twin": {"name": "gce"}, "lncis": None}
    toy.write()
    store = RunStore(out)
    by_place = {(run.method_label, run.noise_label): run for run in runs}
    for run in toy.expand(out):
        if run.method_label == "twin":
            twin = by_place["ce", run.noise_label]
            shutil.copytree(twin.folder, run.folder)
            made = store.load(twin.spec)
            fields = {k: v for k, v in made.items() if k not in ("format", "key", "checksum")}
            (run.folder / "record.json").unlink()
            store.save(seal({**fields, "spec": run.spec}))
    done = call("compare", toy.file, "--out", out, *DRAWS)
    assert "| +0.0 | +0.0 to +0.0 | 1.000 | tie |" in done.out


def test_predictions_that_are_gone_or_changed(call, toy, recorded):
    out, runs = recorded
    file = runs[0].folder / "predictions.json.zst"
    whole = file.read_bytes()
    file.write_bytes(whole + b"x")
    done = call("compare", toy.file, "--out", out, *DRAWS)
    assert done.status == 2
    assert f"{file} is not what its record was made from: it was changed" in done.err
    file.unlink()
    done = call("compare", toy.file, "--out", out, *DRAWS)
    assert done.status == 2
    assert f"{file} is gone" in done.err


def test_nothing_to_compare(call, toy, tmp_path):
    (tmp_path / "runs").mkdir()
    done = call("compare", toy.file, "--out", tmp_path / "runs")
    assert done.status == 2
    assert "nothing to compare: wanted ce and another method done" in done.err
    assert "skipped clean, seed 0" in done.err


def test_an_unknown_baseline(call, toy, recorded):
    done = call("compare", toy.file, "--out", recorded[0], "--baseline", "lncsi")
    assert done.status == 2
    assert "--baseline: unknown method of suite toy 'lncsi'. Did you mean 'lncis'?" in done.err


def test_power_tells_what_other_images_would_change(call, toy, recorded):
    """Of draws of images that are the same for both methods."""
    out, runs = recorded
    done = call("power", toy.file, "--out", out, "--draws", "50", "--json")
    assert done.status == 0, done.err
    store = RunStore(out)
    for setting in json.loads(done.out)["settings"]:
        ce, lncis = (
            drawn_precisions(matches_of(run, store.load(run.spec)), draws=50, seed=0)
            for run in runs
            if run.noise_label == setting["noise"]
        )
        assert setting["images_difference"] == pytest.approx(np.std(lncis - ce, ddof=1))
        wanted = np.sqrt((np.var(ce, ddof=1) + np.var(lncis, ddof=1)) / 2)
        assert setting["images_cell"] == pytest.approx(wanted)


def test_power_wants_the_predictions_of_the_records(call, toy, recorded):
    out, runs = recorded
    (runs[0].folder / "predictions.json.zst").unlink()
    done = call("power", toy.file, "--out", out)
    assert (done.status, done.out) == (2, "")
    assert "predictions.json.zst is gone" in done.err
    assert call("power", toy.file, "--out", out, "--draws", "0").status == 0
