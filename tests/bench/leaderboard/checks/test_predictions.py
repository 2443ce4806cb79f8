"""A run's predictions: how many there may be, and what can be told of masks without the data."""

from types import SimpleNamespace

import pytest

from noisyseg.bench.leaderboard.checks.predictions import check_predictions
from noisyseg.results.evaluation.predictions import write_predictions

PER_IMAGE, IMAGES = 3, 4
INSTALLED = SimpleNamespace(
    eval_file=None,
    suite=SimpleNamespace(data={"format": "shapes", "val_images": IMAGES}),
    common={"model": {"detector": {"test_cfg": {"rcnn": {"max_per_img": PER_IMAGE}}}}},
)
WHOLE = {"size": [2, 3], "counts": "06"}  # none of 6 pixels out, then 6 of them in


def detection(image, mask=WHOLE):
    return {
        "image_id": image,
        "category_id": 1,
        "score": 0.5,
        "bbox": [0.0, 0.0, 3.0, 2.0],
        "segmentation": mask,
    }


@pytest.fixture
def failing(tmp_path):
    """Ids and reasons of checks that fail of detections, and whether they were read at all."""

    def check(detections, images=IMAGES, *, trained=True):
        file = tmp_path / "predictions.json.zst"
        ids = range(1, images + 1)
        sha256 = write_predictions(file, detections, image_ids=ids, annotation_sha256="a" * 64)
        found, checks = check_predictions(tmp_path, "key", sha256, INSTALLED, trained=trained)
        reasons = {check.id: check.detail for check in checks if check.state == "fails"}
        return found.predictions is not None, reasons

    return check


def test_as_many_as_the_model_gives_hold(failing):
    assert failing([detection(image) for image in range(1, 5)] * PER_IMAGE) == (True, {})


def test_more_than_all_images_can_have_are_not_read(failing):
    detections = [detection(1)] * (PER_IMAGE * IMAGES + 1)
    reason = "at most 3; 13 of 4 images together"
    assert failing(detections) == (False, {"predictions.count": reason})
    # images that the suite has not do not raise what may be there
    assert failing(detections, images=1000) == (False, {"predictions.count": reason})
    assert failing(detections, trained=False) == (True, {})


def test_more_of_one_image_are_named(failing):
    read, reasons = failing([detection(2)] * (PER_IMAGE + 1))
    assert read
    assert reasons == {"predictions.count": "at most 3; image 2: 4"}
