"""The comparison with mmdet's Runner: its parts, and the whole of it small."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from noisyseg.bench.config.model import load_model
from noisyseg.bench.config.protocol import load_protocol

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def part(monkeypatch):
    """A benchmark's module by its name, as a script beside it imports it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return import_module


@pytest.fixture
def work(part, tmp_path):
    images = part("listed_images")
    return part("training_sides").Work(
        detector=load_model("mask-rcnn-tiny", where="", root=Path()).detector,
        protocol=dict(load_protocol("smoke", where="")),
        images=images.listed(images.drawn(tmp_path, 64), 4, tmp_path / "listed.json"),
        device="cpu",
        workers=0,
    )


class Parent:
    """The other end of a pipe: orders in, answers out."""

    def __init__(self, *orders: Any) -> None:
        self.orders, self.answers = list(orders), []

    def recv(self) -> Any:
        return self.orders.pop(0)

    def send(self, answer: Any) -> None:
        self.answers.append(answer)


def test_images_are_listed_as_often_as_is_wanted(part, tmp_path):
    images = part("listed_images")
    source = images.drawn_like_photographs(tmp_path)
    found = images.listed(source, 40, tmp_path / "listed.json")
    document = json.loads(found.annotations.read_text())
    assert [image["id"] for image in document["images"]] == list(range(1, 41))
    files = {image["file_name"] for image in document["images"]}
    assert len(files) == images.DRAWN
    assert all((found.folder / name).is_file() for name in files)
    ids = [entry["id"] for entry in document["annotations"]]
    assert len(set(ids)) == len(ids)
    assert {entry["image_id"] for entry in document["annotations"]} == set(range(1, 41))
    for entry in document["annotations"]:
        x, y, width, height = entry["bbox"]
        (outline,) = entry["segmentation"]
        assert min(outline[::2]) == pytest.approx(x, abs=1)
        assert max(outline[1::2]) == pytest.approx(y + height, abs=1)
        assert x + width <= 640
        assert y + height <= 480


def test_a_side_stands_still_between_orders(part, work):
    process = part("training_process")
    parent = Parent(("time", 4), ("count", 8), ("time", 4), process.CLOSE)
    part("training_sides").train_ours(work, process.Ordered(parent, "cpu"))
    assert parent.orders == []
    warm, counted, timed = parent.answers
    assert [answer["images"] for answer in parent.answers] == [4, 8, 4]
    assert min(warm["seconds"], warm["cpu_seconds"], timed["seconds"]) > 0
    assert counted["calls"]["aten::convolution_backward"] > 0
    assert counted["waits"]["nms"] > 0


def test_the_first_step_is_described(part, work):
    first = part("training_process").FirstStep()
    part("training_sides").train_ours(work, first)
    assert first.answer["input"] == [4, 3, 64, 64]
    listed = json.loads(work.images.annotations.read_text())["annotations"]
    assert first.answer["objects"] == len(listed)
    assert 0 < first.answer["RoIs with masks"] < first.answer["RoIs"] <= 4 * 32
    assert {"loss", "loss_rpn_cls", "loss_cls", "loss_mask"} <= set(first.answer["losses"])


def figures(*, ratio: float = 1.0, waits: int = 10, operators: int = 2000, objects: int = 5) -> Any:
    def counts(waits: int, operators: int) -> Any:
        return {"waits": {"nms": waits}, "calls": {"aten::add": operators}}

    def sides(ours: Any, theirs: Any) -> Any:
        return {"noisyseg": ours, "mmdet's Runner": theirs}

    first = {"input": [4], "trained parameters": 9, "losses": {"loss": 2.0}}
    return {
        "first step": sides({**first, "objects": objects}, {**first, "objects": 5}),
        "cases": {
            "quick": {
                "time, ratio": ratio,
                "a batch": sides(counts(waits, operators), counts(10, 4000)),
            }
        },
        "pass of 16": sides(counts(waits, operators), counts(10, 8000)),
    }


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        (figures(), 0),
        (figures(ratio=1.019, operators=2830), 0),
        (figures(ratio=1.03), 1),
        (figures(waits=11), 1),
        (figures(operators=2831), 1),
        (figures(objects=4), 1),
    ],
)
def test_the_verdict_names_each_bound_that_is_missed(part, found, missed):
    line, kept = part("training_report").verdict(found)
    assert line.count("MISSED") == missed
    assert kept == (missed == 0)


@pytest.mark.long
def test_the_short_comparison_runs(tmp_path):
    script, out = FOLDER / "training.py", tmp_path / "figures.json"
    command = [sys.executable, str(script), "--short", "--rounds", "1", "--json", str(out)]
    cpu_alone = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=cpu_alone)
    assert done.stdout.splitlines()[-1].startswith("cpu: first step: sizes that differ 0"), (
        done.stderr[-2000:]
    )
    found = json.loads(out.read_text())
    ours, theirs = found["first step"].values()
    for name in ("input", "objects", "trained parameters"):
        assert ours[name] == theirs[name]
    assert ours["losses"]["loss_rpn_cls"] == pytest.approx(
        theirs["losses"]["loss_rpn_cls"], rel=0.1
    )
