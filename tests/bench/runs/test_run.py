from dataclasses import replace
from pathlib import Path

import pytest

from noisyseg.bench.datasets.split import Split
from noisyseg.bench.runs.run import Run

IMAGES = Split(annotations=Path("test.json"), images=Path("test"))


@pytest.fixture
def run(tmp_path):
    places = ("train_annotations", "train_images", "eval_annotations", "eval_images")
    return Run(
        key="0123456789abcdef",
        spec={},
        method_label="ce γ",
        noise_label="sym40",
        seed=3,
        noise_seed=1,
        folder=tmp_path / "run",
        manifest=None,
        weights=None,
        **dict.fromkeys(places, tmp_path),
    )


def test_seeds_that_differ_are_both_named(run):
    assert (run.seed_label, run.seeds) == ("1/3", (1, 3))
    assert run.label == "ce γ · sym40 · seed 1/3"
    assert replace(run, noise_seed=3).seed_label == 3
    clean = replace(run, noise_seed=None)
    assert (clean.seed_label, clean.seeds) == (3, (None, 3))


def test_the_file_for_the_server_is_missed_where_it_was_asked_for(run):
    assert not run.lacks_submission
    asked = replace(run, submission=IMAGES)
    assert asked.lacks_submission
    name = "detections_test-dev2017_noisyseg-ce---sym40-seed1-3_results.zip"
    path = run.folder / "test-dev" / name
    assert asked.submission_file == path
    path.parent.mkdir(parents=True)
    path.touch()
    assert not asked.lacks_submission


def test_what_a_run_leaves_lies_in_its_folder(run):
    assert run.checkpoint == run.folder / "checkpoints" / "last.pth"
    assert run.output == run.folder / "run.log"
