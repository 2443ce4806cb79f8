"""`compare`: methods against one over seeds and images, from what their runs left."""

import json
import shutil
from dataclasses import replace
from html import escape

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from scipy import stats

from noisyseg.bench.reporting.comparison import Bootstrap, comparison, enough_draws
from noisyseg.bench.reporting.run_matches import matches_of
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.results.evaluation.evaluation import evaluate, mask_matches
from noisyseg.results.evaluation.matches_file import write_matches
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
def record(toy, tmp_path, record_of):
    """Gives the toy suite's runs predictions, matches and records: lncis finds what ce half misses.

    Without `matches`, as earlier versions left them.
    """

    def make(*, matches=True):
        out = tmp_path / "runs"
        store, generator = RunStore(out), np.random.default_rng(4)
        runs = toy.expand(out)
        for run in runs:
            run.folder.mkdir(parents=True)
            found, images = detections(run, generator, 1.0 if run.method_label == "lncis" else 0.2)
            file = run.folder / "predictions.json.zst"
            sha256 = sha256_file(run.eval_annotations)
            write_predictions(file, found, image_ids=images, annotation_sha256=sha256)
            made = record_of(run)
            fields = {k: v for k, v in made.items() if k not in ("format", "key", "checksum")}
            predictions = read_predictions(file)
            fields["metrics"] = evaluate(run.eval_annotations, predictions)
            fields["checksums"]["predictions"] = sha256_file(file)
            if matches:
                fields["checksums"]["matches"] = write_matches(
                    run.folder / "matches.msgpack.zst",
                    mask_matches(run.eval_annotations, predictions),
                    predictions_sha256=sha256_file(file),
                )
            store.save(seal(fields))
        return out, runs

    return make


@pytest.fixture
def recorded(record):
    return record()


@pytest.fixture
def three_seeds(toy, record):
    toy.suite["seeds"] = [0, 1, 2]
    toy.write()
    return record()


def test_methods_are_compared_over_seeds_with_the_first_and_ranked(call, toy, three_seeds):
    out, runs = three_seeds
    done = call("compare", toy.file, "--out", out, *DRAWS, "--json")
    assert done.status == 0, done.err
    document = json.loads(done.out)
    assert document["baseline"] == "ce"
    assert [group["noise"] for group in document["groups"]] == ["clean", "sym40"]
    store = RunStore(out)
    for group in document["groups"]:
        assert (group["images"], group["draws"]) == (3, 40)
        assert (group["comparisons"], group["pairs"]) == (1, 1)
        ce, lncis = group["methods"]
        recorded_aps = {
            row["method"]: [
                store.load(run.spec)["metrics"]["segm"]["AP"]
                for run in runs
                if (run.method_label, run.noise_label) == (row["method"], group["noise"])
            ]
            for row in (ce, lncis)
        }
        for row in (ce, lncis):
            assert row["seeds"] == ["0", "1", "2"]
            expected = np.mean(recorded_aps[row["method"]])
            assert row["average_precision"] == pytest.approx(expected, abs=1e-9)
        assert ce["comparison"] is None
        found = lncis["comparison"]
        differences = np.subtract(recorded_aps["lncis"], recorded_aps["ce"])
        assert found["difference"] == pytest.approx(differences.mean())
        assert found["difference"] > 0
        # Never narrower than Student's t over the three seeds alone.
        half = stats.t.ppf(0.975, 2) * differences.std(ddof=1) / np.sqrt(3)
        assert (found["high"] - found["low"]) / 2 >= half
        assert found["p"] == found["p_corrected"] >= stats.ttest_1samp(differences, 0).pvalue
        assert (lncis["rank"], ce["rank"]) == (1.0, 2.0)
        assert found["verdict"] == ("above" if found["p"] <= 0.05 else "tie")


def test_one_seed_is_of_these_networks_alone(call, toy, three_seeds):
    out, _ = three_seeds
    done = call("compare", toy.file, "--out", out, *DRAWS, "--seeds", "0", "--baseline", "lncis")
    assert done.status == 0
    assert "mask AP against lncis" in done.out
    assert "a paired bootstrap over images (40 draws)" in done.out
    assert "of these trained networks alone" in done.out
    assert "### clean (seed 0; 3 images)" in done.out
    assert "| lncis | 1 | 100.0 | — | — | — | — | — | baseline | 1 (1 to " in done.out
    over = call("compare", toy.file, "--out", out, *DRAWS)
    assert "### clean (seeds 0, 1, 2; 3 images)" in over.out
    assert "another seed and other images are both in it" in over.out
    assert "networks alone" not in over.out


def test_the_same_draws_give_the_same_page(call, toy, recorded):
    out, _ = recorded
    first, again, other = (
        call("compare", toy.file, "--out", out, *DRAWS, "--bootstrap-seed", seed).out
        for seed in (0, 0, 9)
    )
    assert first == again != other


def test_no_p_is_printed_that_the_draws_do_not_give(call, toy, recorded):
    """Of 40 draws, the smallest is 2 / 41 = 0.0488."""
    out, _ = recorded
    done = call("compare", toy.file, "--out", out, *DRAWS, "--json")
    small = [
        row["comparison"]
        for group in json.loads(done.out)["groups"]
        for row in group["methods"]
        if row["comparison"] and row["comparison"]["p"] == pytest.approx(2 / 41)
    ]
    page = call("compare", toy.file, "--out", out, *DRAWS).out
    assert page.count("| < 0.049 | < 0.049 |") == len(small) > 0


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
    assert "| +0.0 | +0.0 to +0.0 | 0.50 | 1.000 | 1.000 | tie |" in done.out


def bare(runs):
    """Takes all but records and matches away, annotations included."""
    for run in runs:
        (run.folder / "predictions.json.zst").unlink()
        run.eval_annotations.unlink(missing_ok=True)


def test_records_and_matches_are_enough(toy, three_seeds):
    """Neither predictions nor annotations, and nothing is written."""
    out, runs = three_seeds
    records = {run.key: RunStore(out).load(run.spec) for run in runs}
    how = Bootstrap(baseline="ce", draws=40, seed=0)
    seen = []
    whole = comparison(runs, records, how, tell=pytest.fail)
    bare(runs)
    before = sorted(out.rglob("*"))
    found = comparison(
        runs, records, how, tell=pytest.fail, progress=lambda *done: seen.append(done)
    )
    assert [one.document() for one in found] == [one.document() for one in whole]
    assert sorted(out.rglob("*")) == before
    assert seen == [(n, 24) for n in range(1, 25)]  # twelve runs, read and drawn from


def test_earlier_records_give_the_same(call, toy, record):
    out, runs = record(matches=False)
    assert not any((run.folder / "matches.msgpack.zst").exists() for run in runs)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    earlier = call("compare", toy.file, "--out", out, *DRAWS)
    assert earlier.status == 0, earlier.err
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    shutil.rmtree(out)
    record()
    assert call("compare", toy.file, "--out", out, *DRAWS).out == earlier.out


def test_files_that_are_gone_or_changed(call, toy, recorded):
    out, runs = recorded
    for name in ("matches.msgpack.zst", "predictions.json.zst"):
        file = runs[0].folder / name
        whole = file.read_bytes()
        file.write_bytes(whole + b"x")
        done = call("compare", toy.file, "--out", out, *DRAWS)
        assert done.status == 2
        assert f"{file} is not what its record was made from: it was changed" in done.err
        file.unlink()  # without matches, predictions are taken
    done = call("compare", toy.file, "--out", out, *DRAWS)
    assert done.status == 2
    assert f"{file.parent} has neither matches.msgpack.zst nor predictions.json.zst" in done.err


def test_matches_of_other_predictions_are_refused(call, toy, recorded):
    out, runs = recorded
    store, file = RunStore(out), runs[0].folder / "matches.msgpack.zst"
    made = store.load(runs[0].spec)
    fields = {k: v for k, v in made.items() if k not in ("format", "key", "checksum")}
    other = write_matches(
        file,
        matches_of(runs[0], made),
        predictions_sha256=made["checksums"]["manifest"] or "0" * 64,
    )
    fields["checksums"]["matches"] = other
    store.save(seal(fields))
    done = call("compare", toy.file, "--out", out, *DRAWS)
    assert done.status == 2
    assert f"{file} is of other predictions than its record" in " ".join(done.err.split())


def test_runs_that_were_not_evaluated_on_the_same_images_are_named(call, toy, recorded):
    out, runs = recorded
    store, file = RunStore(out), runs[1].folder / "matches.msgpack.zst"
    made = store.load(runs[1].spec)
    fields = {k: v for k, v in made.items() if k not in ("format", "key", "checksum")}
    matches = matches_of(runs[1], made)
    ids = tuple(1000 + number for number in matches.image_ids)
    fields["checksums"]["matches"] = write_matches(
        file,
        replace(matches, image_ids=ids),
        predictions_sha256=made["checksums"]["predictions"],
    )
    store.save(seal(fields))
    done = call("compare", toy.file, "--out", out, *DRAWS)
    assert done.status == 2
    said = " ".join(done.err.split())
    assert (
        f"{runs[0].folder} and {runs[1].folder}: a paired bootstrap needs the same images" in said
    )


def test_matches_that_can_no_longer_be_made_are_said_so(toy, record):
    out, runs = record(matches=False)
    runs[0].eval_annotations.unlink()
    with pytest.raises(InputError, match=r"has no matches\.msgpack\.zst, and .* is not there"):
        matches_of(runs[0], RunStore(out).load(runs[0].spec))


def test_nothing_to_compare(call, toy, tmp_path):
    (tmp_path / "runs").mkdir()
    done = call("compare", toy.file, "--out", tmp_path / "runs")
    assert done.status == 2
    assert "nothing to compare: wanted ce and another method done" in done.err
    assert "skipped clean: fewer than two methods are done, or not ce" in done.err


def test_an_unknown_baseline(call, toy, recorded):
    done = call("compare", toy.file, "--out", recorded[0], "--baseline", "lncsi")
    assert done.status == 2
    assert "--baseline: unknown method of suite toy 'lncsi'. Did you mean 'lncis'?" in done.err


@pytest.mark.parametrize("methods", [2, 6, 7, 8, 21, 50])
def test_draws_are_enough_for_every_pair(methods):
    """Of the smallest p, corrected for all pairs."""
    draws = enough_draws(methods)
    assert 2 / (draws + 1) * methods * (methods - 1) / 2 <= 0.05
    assert draws >= 1000


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
    for name in ("matches.msgpack.zst", "predictions.json.zst"):
        (runs[0].folder / name).unlink()
    done = call("power", toy.file, "--out", out)
    assert (done.status, done.out) == (2, "")
    assert "has neither matches.msgpack.zst nor predictions.json.zst" in done.err
    assert call("power", toy.file, "--out", out, "--draws", "0").status == 0


def test_figures_and_all_settings_at_once(call, toy, three_seeds, tmp_path):
    out, _ = three_seeds
    folder = tmp_path / "pictures"
    done = call("compare", toy.file, "--out", out, *DRAWS, "--figures", folder)
    assert done.status == 0, done.err
    names = ("critical-difference-clean", "critical-difference-sym40")
    names = (*names, "interquartile-means", "performance-profiles")
    wanted = {f"toy-{name}.{kind}" for name in names for kind in ("png", "svg")}
    assert {path.name for path in folder.iterdir()} == wanted
    assert f"{len(wanted)} figures written to" in done.err
    assert "### Over clean, sym40" in done.out
    assert "| ce | 6 | " in done.out
    one = call("compare", toy.file, "--out", out, *DRAWS, "--noise", "clean", "--json")
    assert json.loads(one.out)["across"] is None


def test_another_suite_counts_across_all(call, toy, three_seeds):
    """The same runs under another suite's name, as other data would be."""
    out, _ = three_seeds
    other = toy.root / "other.yaml"
    other.write_text(toy.file.read_text().replace("name: toy\ndata", "name: other\ndata"))
    done = call("compare", toy.file, "--also", other, "--out", out, *DRAWS, "--json")
    assert done.status == 0, done.err
    document = json.loads(done.out)
    assert document["suite"] == "toy, other"
    expected = ["toy, clean", "toy, sym40", "other, clean", "other, sym40"]
    assert [group["name"] for group in document["groups"]] == expected
    assert document["across"]["tasks"] == expected
    assert [row["runs"] for row in document["across"]["methods"]] == [12, 12]


def test_the_page_of_a_suite_has_the_comparison(call, toy, three_seeds, tmp_path):
    out, runs = three_seeds
    bare(runs)
    page = tmp_path / "page.html"
    assert call("report", toy.file, "--out", out, "--write", page).status == 0
    shown = page.read_text()
    lines = call("compare", toy.file, "--out", out).out.splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| lncis ")]
    rows = [row for row in rows if len(row) == 10]  # not that of all settings
    assert len(rows) == 2  # settings
    for row in rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        assert f'<tr><th scope="row">lncis</th>{cells}</tr>' in shown
    assert '<a href="#comparison">Against ce</a>' in shown


def test_the_page_says_which_settings_it_cannot_compare(call, toy, three_seeds, tmp_path):
    out, runs = three_seeds
    (lacking,) = (run for run in runs if run.label == "ce · sym40 · seed 1")
    (lacking.folder / "matches.msgpack.zst").unlink()
    changed = next(run for run in runs if run.noise_label == "clean")
    page = tmp_path / "page.html"
    assert call("report", toy.file, "--out", out, "--write", page).status == 0
    shown = page.read_text()
    assert "Not compared here: sym40, where 1 of 6 runs have no matches.msgpack.zst" in shown
    assert shown.count('<tr><th scope="row">lncis</th><td>3</td>') == 1
    (changed.folder / "matches.msgpack.zst").write_bytes(b"other")
    assert call("report", toy.file, "--out", out, "--write", page).status == 0
    assert "nothing was compared: " in page.read_text()
    assert "it was changed" in page.read_text()
