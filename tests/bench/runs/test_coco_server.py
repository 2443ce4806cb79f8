import json
import shutil
import zipfile
from pathlib import Path

import pytest

from noisyseg.bench.config.suite import Choices, load_suite
from noisyseg.bench.datasets.source import load_source
from noisyseg.bench.runs.coco_server import test_images as find_images
from noisyseg.bench.runs.coco_server import with_submissions
from noisyseg.bench.runs.detectors import load_mmdet
from noisyseg.bench.runs.execution import evaluate, execute, train
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.run import Resources
from noisyseg.errors import InputError
from noisyseg.results.records.store import RunStore

ONE_THREAD = Resources(threads=1, device="cpu")
SUITE = """
name: coco
data: {format: coco2017, classes: [person, bicycle]}
model: mask-rcnn-tiny
protocol: {extends: smoke, name: tiny}
methods: [ce]
noise: {clean: null}
seeds: [0]
"""


@pytest.fixture
def data(official, tmp_path):
    return Path(shutil.copytree(official, tmp_path / "data"))


@pytest.fixture
def suite(data, tmp_path):
    path = tmp_path / "coco.yaml"
    path.write_text(SUITE)
    choices = Choices(allow_partial=True)
    return load_suite(str(path), data_root=data, cache=tmp_path, choices=choices)


def source(suite):
    return load_source(suite.data, root=suite.data_root, options=suite.data_options)


def test_a_run_leaves_the_servers_file_now_or_later_from_its_weights(suite, data, tmp_path):
    store = RunStore(tmp_path / "runs")
    plain = expand(suite, store)
    (run,) = with_submissions(plain, find_images(suite.name, source(suite)))
    assert run.key == plain[0].key
    record = execute(run, store, ONE_THREAD)
    assert record["status"] == "done", record["failure"]
    path = run.submission_file
    assert path.name == "detections_test-dev2017_noisyseg-ce-clean-seed0_results.zip"
    with zipfile.ZipFile(path) as archive:
        found = json.loads(archive.read(f"{path.stem}.json"))
    info = data / "coco" / "annotations" / "image_info_test-dev2017.json"
    listed = json.loads(info.read_bytes())
    assert {entry["image_id"] for entry in found} <= {image["id"] for image in listed["images"]}
    categories = {category["id"] for category in listed["categories"]}
    assert {entry["category_id"] for entry in found} <= categories
    assert found, "an untrained detector finds something everywhere"
    for entry in found:
        assert set(entry) == {"image_id", "category_id", "segmentation", "score"}

    first = path.read_bytes()
    path.unlink()
    assert execute(run, store, ONE_THREAD) == record
    assert path.read_bytes() == first


def test_the_servers_file_is_written_before_the_gpu_is_let_go(suite, tmp_path, monkeypatch):
    store = RunStore(tmp_path / "runs")
    (run,) = with_submissions(expand(suite, store), find_images(suite.name, source(suite)))
    load_mmdet()
    from noisyseg.bench.runs import session  # it imports mmdet

    def broken(*_):
        raise OSError("a broken image")

    with monkeypatch.context() as patch:
        patch.setattr(session, "predict_submission", broken)
        assert train(run, store, ONE_THREAD) is None  # its evaluation goes on
    assert "a broken image" in run.output.read_text()
    assert run.lacks_submission
    assert train(run, store, ONE_THREAD) is None
    assert not run.lacks_submission
    assert evaluate(run, store)["status"] == "done"


def test_data_without_test_images_are_refused(suite, toy, data, tmp_path):
    other = load_suite(str(toy.file), data_root=None, cache=tmp_path)
    with pytest.raises(InputError, match="--test-dev is for COCO 2017; toy uses toy"):
        find_images(other.name, source(other))
    shutil.rmtree(data / "coco" / "test2017")
    with pytest.raises(InputError, match=r"--test-dev needs .*test2017, which comes in test2017"):
        find_images(suite.name, source(suite))
