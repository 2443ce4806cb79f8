"""What the figures of results show: rates, losses by class, transition matrices."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from noisyseg.bench.reporting.figures import pictures
from noisyseg.bench.reporting.suite_figures import class_losses, transitions
from noisyseg.bench.reporting.suite_results import SuiteResults
from noisyseg.bench.reporting.suite_table import suite_table
from noisyseg.results.records.store import RunStore

CLASSES = ["fox", "cat", "dog"]


def run(method, noise, seed, steps):
    spec = {
        "noise": None if steps is None else {"seed": seed, "steps": steps},
        "data": {"classes": CLASSES},
    }
    return SimpleNamespace(
        key=f"{method}/{noise}/{seed}",
        method_label=method,
        noise_label=noise,
        seed=seed,
        spec=spec,
    )


def record(values):
    per_class = {n: {"segm": v} for n, v in zip(CLASSES, values, strict=True)}
    return {"status": "done", "metrics": {"per_class": per_class}}


def test_losses_by_class_are_means_over_the_seeds_that_both_have():
    steps = [{"type": "symmetric", "rate": 0.4}]
    runs = [
        run(method, noise, seed, None if noise == "clean" else steps)
        for method in ("ce", "gce", "sce")
        for noise in ("clean", "sym40")
        for seed in (0, 1)
    ]
    records = {
        "ce/clean/0": record([30.0, 40.0, 50.0]),
        "ce/sym40/0": record([20.0, 40.0, 53.0]),
        "ce/clean/1": record([32.0, 40.0, 50.0]),
        "ce/sym40/1": record([12.0, 42.0, 49.0]),
        "gce/clean/0": record([30.0, 40.0, None]),  # a class without ground truth
        "gce/sym40/0": record([29.0, 30.0, None]),
        "gce/clean/1": record([1.0, 1.0, 1.0]),  # its noisy run is not there
        "sce/clean/0": record([30.0, 40.0, 50.0]),
        "sce/sym40/0": {"status": "failed", "metrics": None},
    }
    suite = SimpleNamespace(methods=["ce", "gce", "sce"], seeds=[0, 1])
    found = class_losses(suite, runs, records, "sym40")
    assert found[0].tolist() == [-15.0, 1.0, 1.0]
    assert found[1, :2].tolist() == [-1.0, -10.0]
    assert math.isnan(found[1, 2])
    assert np.isnan(found[2]).all()
    assert np.isnan(class_losses(suite, runs, records, "clean")).all()


def test_transitions_are_the_manifests():
    manifest = {
        "classes": [{"name": name} for name in CLASSES],
        "counts": [[6, 2, 0], [0, 0, 0], [1, 0, 3]],
        "steps": [{"expected_matrix": [[0.8, 0.1, 0.1]] * 3}],
    }
    found = transitions(manifest)
    assert found["realised"]["matrix"] == [[0.75, 0.25, 0.0], None, [0.25, 0.0, 0.75]]
    assert found["intended"]["matrix"] == [[0.8, 0.1, 0.1]] * 3
    assert found["intended"]["names"] == CLASSES
    for steps in ([{"expected_matrix": None}], [{}], manifest["steps"] * 2):
        assert "intended" not in transitions({**manifest, "steps": steps})


@pytest.fixture
def recorded(toy, tmp_path, record_of):
    """The toy's runs with losses by class and their manifests beside them."""
    from noisyseg.bench.config.suite import load_suite
    from noisyseg.results.records.record import seal

    out = tmp_path / "runs"
    runs = toy.expand(out)
    store, records = RunStore(out), {}
    for number, entry in enumerate(runs):
        made = record_of(entry, 30.0 + number)
        rest = {k: v for k, v in made.items() if k not in ("format", "key", "checksum")}
        rest["metrics"]["per_class"] = record([20.0 + number, 30.0, 40.0])["metrics"]["per_class"]
        records[entry.key] = seal(rest)
        store.save(records[entry.key])
        if entry.manifest is not None:
            (entry.folder / "manifest.json").write_bytes(entry.manifest.read_bytes())
    suite = load_suite(str(toy.file), data_root=None, cache=tmp_path / "cache")
    return results_of(suite, runs, records)


def results_of(suite, runs, records):
    table = suite_table(suite, runs, records)
    return SuiteResults(suite=suite, runs=runs, records=records, table=table)


def files_of(results, formats):
    return {picture.name: picture.contents for picture in pictures(results, formats)}


def test_every_figure_is_a_file_of_each_format_and_the_same_again(recorded):
    files = files_of(recorded, ["png", "svg", "pdf"])
    assert set(files) == {
        *("noise-rate", "methods-by-noise", "class-losses-sym40"),
        *("transitions-realised-sym40", "transitions-intended-sym40"),
    }
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    for contents in files.values():
        assert contents.keys() == starts.keys()
        assert all(contents[kind].startswith(start) for kind, start in starts.items())
    assert files_of(recorded, ["png", "svg", "pdf"]) == files
    text = files["methods-by-noise"]["svg"].decode()
    assert "Mask AP" in json.dumps(text)


def test_nothing_measured_is_nothing_drawn(recorded):
    assert files_of(results_of(recorded.suite, recorded.runs, {}), ["png"]) == {}
