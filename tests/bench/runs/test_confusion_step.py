import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.annotation_files.document import write_annotations
from noisyseg.bench.runs.confusion_step import with_matrices
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.noise.spec import parse_steps
from noisyseg.results.evaluation.predictions import write_predictions

NAMES = ["cat", "dog"]


@pytest.fixture
def files(tmp_path):
    """One image with three cats, of which two are found, one as a dog."""
    corners = ((0, 0), (10, 0), (20, 0))
    document = {
        "images": [{"id": 1, "file_name": "1.png", "width": 30, "height": 10}],
        "annotations": [
            {
                **{"id": n, "image_id": 1, "category_id": 4, "bbox": [x, y, 10, 10], "area": 100},
                "segmentation": [[x, y, x + 10, y, x + 10, y + 10, x, y + 10]],
            }
            for n, (x, y) in enumerate(corners, start=1)
        ],
        "categories": [{"id": 4, "name": "cat"}, {"id": 2, "name": "dog"}],
    }
    annotations = tmp_path / "val.json"
    write_annotations(annotations, document)
    detections = []
    for category, score, x in ((4, 0.9, 0), (2, 0.5, 10)):
        mask = np.zeros((10, 30), dtype=np.uint8)
        mask[:, x : x + 10] = 1
        runs = coco_mask.encode(np.asfortranarray(mask))
        detections.append(
            {
                **{"image_id": 1, "category_id": category, "score": score},
                **{"bbox": [x, 0, 10, 10], "segmentation": dict(runs)},
            }
        )
    write_predictions(
        tmp_path / "found.json.zst",
        detections,
        image_ids=[1],
        annotation_sha256=sha256_file(annotations),
    )
    return tmp_path


STEP = {"type": "confusion", "predictions": "found.json.zst", "annotations": "val.json"}


def test_predictions_become_the_matrix_of_what_was_found_as_what(files):
    step = with_matrices({**STEP, "crowds": True}, NAMES, "suite", files)
    matrix = {"classes": NAMES, "rows": [[0.5, 0.5], [0.0, 1.0]]}
    assert step == {"type": "confusion", "crowds": True, "matrix": matrix}
    (parsed,) = parse_steps(step, NAMES, "suite", files)
    assert parsed.parameters["matrix"] == matrix


def test_in_a_list_every_other_step_stays(files):
    symmetric = {"type": "symmetric", "rate": 0.4}
    given = {"type": "confusion", "matrix": {"cat": {"dog": 1.0}, "dog": {"dog": 1.0}}}
    steps = with_matrices([symmetric, {**STEP, "min_score": 0.6}, given], NAMES, "suite", files)
    assert steps[0] == symmetric
    assert steps[1]["matrix"]["rows"] == [[1.0, 0.0], [0.0, 1.0]]
    assert steps[2] == given


@pytest.mark.parametrize("raw", [{"type": "symmetric"}, "symmetric", None, {"rate": 1}, []])
def test_what_is_no_confusion_step_is_left_for_noise_to_judge(raw):
    assert with_matrices(raw, NAMES, "suite") == raw


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predictions": None}, "suite, predictions: wanted the path of a file, got None"),
        ({"predictions": "no.zst"}, "cannot read predictions"),
        ({"annotations": "no.json"}, "cannot read the annotation file"),
        ({"min_score": "high"}, "suite, min_score: wanted a number from 0 to 1, got 'high'"),
        ({"min_iou": 0}, "least IoU must be above 0"),
        ({"matrix": {}}, "either a matrix, or predictions"),
        ({"predicitons": "x"}, "unknown key of confusion noise 'predicitons'. Did you mean 'pred"),
    ],
)
def test_unusable_steps(files, change, message):
    with pytest.raises(InputError, match=message):
        with_matrices({**STEP, **change}, NAMES, "suite", files)


def test_a_step_without_a_source_and_classes_that_were_not_evaluated(files):
    with pytest.raises(InputError, match=r"suite, step 1: confusion noise needs either a matrix"):
        with_matrices([{"type": "confusion", "predictions": "x"}], NAMES, "suite", files)
    with pytest.raises(InputError, match="unknown class 'cow'"):
        with_matrices(STEP, ["cat", "cow"], "suite", files)


def test_a_step_read_from_a_file_keeps_its_places_and_is_refused_with_them(files, read):
    text = "steps:\n- type: confusion\n  predictions: found.json.zst\n  annotations: ANNOTATIONS\n"
    (good,) = read(text.replace("ANNOTATIONS", "val.json"))["steps"]
    assert with_matrices(good, NAMES, "suite", files).where("type").endswith("some.yaml, line 2")
    steps = read(text.replace("ANNOTATIONS", "3"))["steps"]
    with pytest.raises(
        InputError, match=r"some\.yaml, line 4, step 1, annotations: wanted the path"
    ):
        with_matrices(steps, NAMES, "suite", files)


def test_predictions_of_another_annotation_file_are_refused(files):
    other = files / "other.json"
    other.write_bytes((files / "val.json").read_bytes() + b"\n")
    with pytest.raises(InputError, match="predictions for another annotation file"):
        with_matrices({**STEP, "annotations": "other.json"}, NAMES, "suite", files)
