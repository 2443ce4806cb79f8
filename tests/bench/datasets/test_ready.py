import json

from noisyseg.bench.datasets.ready import Ready, annotation_file
from noisyseg.bench.datasets.split import Split

COUNTS = {"train": {"images": 2, "annotations": 3}, "val": {"images": 1, "annotations": 0}}


def test_files_that_noisyseg_makes_have_cocos_names(tmp_path):
    assert [annotation_file(tmp_path, split) for split in ("train", "val")] == [
        tmp_path / "annotations" / name for name in ("instances_train.json", "instances_val.json")
    ]


def test_ready_is_told_as_json(tmp_path):
    ready = Ready(
        name="toy",
        train=Split(annotations=tmp_path / "a.json", images=tmp_path / "a"),
        eval=Split(annotations=tmp_path / "b.json", images=tmp_path / "b"),
        classes=None,
        counts=COUNTS,
    )
    assert json.loads(json.dumps(ready.as_json())) == {
        "name": "toy",
        "train": {"annotations": f"{tmp_path}/a.json", "images": f"{tmp_path}/a"},
        "eval": {"annotations": f"{tmp_path}/b.json", "images": f"{tmp_path}/b"},
        "counts": COUNTS,
        "notes": [],
    }
