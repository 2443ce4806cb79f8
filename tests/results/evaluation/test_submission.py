import json
import zipfile

from pycocotools.coco import COCO

from noisyseg.results.evaluation.submission import submission_name, write_submission

DETECTION = {
    "image_id": 7,
    "category_id": 90,
    "score": 0.5,
    "bbox": [0.0, 0.0, 2.0, 3.0],
    "segmentation": {"size": [4, 5], "counts": "02H1"},
}


def test_the_name_is_the_servers_and_holds_plain_characters_alone():
    name = submission_name("noisyseg-lncis-sym40-seed0")
    assert name == "detections_test-dev2017_noisyseg-lncis-sym40-seed0_results.zip"
    assert submission_name("a/b é_c") == "detections_test-dev2017_a-b---c_results.zip"


def test_the_zip_holds_masks_and_scores_as_pycocotools_reads_them(tmp_path):
    path = tmp_path / submission_name("x")
    write_submission(path, [DETECTION])
    with zipfile.ZipFile(path) as archive:
        (member,) = archive.namelist()
        found = json.loads(archive.read(member))
    assert member == "detections_test-dev2017_x_results.json"
    assert found == [{key: DETECTION[key] for key in DETECTION if key != "bbox"}]
    truth = COCO()
    truth.dataset = {"images": [{"id": 7, "height": 4, "width": 5}], "categories": [{"id": 90}]}
    truth.createIndex()
    (loaded,) = truth.loadRes(found).loadAnns([1])
    assert loaded["category_id"] == 90


def test_equal_detections_give_equal_bytes(tmp_path):
    paths = [tmp_path / name / submission_name("x") for name in "ab"]
    for path in paths:
        write_submission(path, [DETECTION])
    assert paths[0].read_bytes() == paths[1].read_bytes()
