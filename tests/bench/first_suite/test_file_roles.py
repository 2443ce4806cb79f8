"""What names say of the part of the data."""

from pathlib import PurePosixPath

import pytest

from noisyseg.bench.first_suite.file_roles import role_of


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("annotations/instances_train2017.json", "train"),
        ("annotations/instancesVal2017.json", "val"),
        ("valid/_annotations.coco.json", "val"),
        ("TRAIN/labels.json", "train"),
        ("annotations_trainval2017/instances_val2017.json", "val"),
        ("training/a.json", "train"),
        ("my-test-set.json", "test"),
        ("dev.json", "val"),
        ("trainval.json", "train"),
        ("result.json", None),
        ("device/values.json", None),
        ("train_and_val.json", None),
    ],
)
def test_the_last_part_that_says_it_counts(path, role):
    assert role_of(PurePosixPath(path)) == role
