import json
import os

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.bench.datasets import converted
from noisyseg.bench.datasets.converted import (
    ConvertedImage,
    Tally,
    coco_blocks,
    convert_all,
    mask_annotation,
)
from noisyseg.bench.datasets.raw_files import image_size
from noisyseg.errors import InputError


@pytest.mark.parametrize("seed", range(10))
def test_a_mask_keeps_its_pixels_box_and_area(seed):
    random = np.random.RandomState(seed)
    mask = random.rand(*random.randint(1, 40, 2)) < random.choice([0.02, 0.5, 1])
    mask[random.randint(mask.shape[0]), random.randint(mask.shape[1])] = True
    annotation = mask_annotation(mask, category_id=7)
    rows, columns = np.nonzero(mask)
    x, y = columns.min(), rows.min()
    assert annotation["bbox"] == [x, y, columns.max() - x + 1, rows.max() - y + 1]
    assert annotation["area"] == mask.sum()
    assert (annotation["category_id"], annotation["iscrowd"]) == (7, 0)
    written = json.loads(json.dumps(annotation))["segmentation"]
    assert np.array_equal(coco_mask.decode(written), mask)


def image(number, annotations, remarks=()):
    return ConvertedImage(
        image={"file_name": f"{number}.jpg", "width": 3, "height": 2},
        annotations=[{"category_id": k} for k in annotations],
        remarks=list(remarks),
    )


def test_a_file_counts_images_and_annotations_from_one():
    tally = Tally()
    images = [image(30, [5]), image(10, []), image(20, [9, 4])]
    content = b"".join(
        coco_blocks(iter(images), categories=[{"id": 5, "name": "é"}], info="of it", tally=tally)
    )
    assert json.loads(content) == {
        "info": {"description": "of it"},
        "categories": [{"id": 5, "name": "é"}],
        "images": [
            {"id": 1, "file_name": "30.jpg", "width": 3, "height": 2},
            {"id": 2, "file_name": "10.jpg", "width": 3, "height": 2},
            {"id": 3, "file_name": "20.jpg", "width": 3, "height": 2},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 5},
            {"id": 2, "image_id": 3, "category_id": 9},
            {"id": 3, "image_id": 3, "category_id": 4},
        ],
    }
    assert tally.counts() == {"images": 3, "annotations": 3}


def test_a_file_of_no_image_is_json():
    tally = Tally()
    content = b"".join(coco_blocks([], categories=[], info="", tally=tally))
    assert json.loads(content)["images"] == json.loads(content)["annotations"] == []
    assert tally.counts() == {"images": 0, "annotations": 0}


def test_a_file_is_made_image_by_image():
    """Memory stays flat: an annotation is given away before the next image is converted."""
    asked = []

    def images():
        for number in range(3):
            asked.append(number)
            yield image(number, [1])

    blocks = coco_blocks(images(), categories=[], info="", tally=Tally())
    next(blocks)
    assert asked == []
    for number in range(3):
        next(blocks)
        assert asked == [*range(number + 1)]


def test_remarks_are_counted_and_the_first_images_named():
    tally = Tally()
    images = [image(k, [], ["odd", "odd"] if k == 2 else ["odd"]) for k in range(4)]
    images[1].remarks.append("even odder")
    list(coco_blocks(images, categories=[], info="", tally=tally))
    assert tally.notes() == ["1 × even odder: 1.jpg", "5 × odd: 0.jpg, 1.jpg, 2.jpg, …"]


# On several processes


@pytest.fixture
def processes(monkeypatch):
    """A few tasks are many."""
    monkeypatch.setattr(converted, "_LEAST_FOR_PROCESSES", 1)
    monkeypatch.setattr(converted, "_CHUNK", 2)


def run(function, tasks, workers):
    told = []
    found = list(convert_all(function, tasks, workers=workers, progress=told.append))
    return found, told


@pytest.mark.parametrize("workers", [1, 2])
def test_results_keep_the_order_and_each_is_told(processes, workers):
    found, told = run(str, range(9), workers)
    assert found == list("012345678")
    assert told == list(range(1, 10))


def test_work_is_done_by_other_processes(processes):
    """Whichever of them did it, this one did not."""
    names, _ = run(os.path.realpath, ["/proc/self"] * 6, 2)
    assert f"/proc/{os.getpid()}" not in names
    names, _ = run(os.path.realpath, ["/proc/self"] * 6, 1)
    assert names == [f"/proc/{os.getpid()}"] * 6


def test_an_error_in_another_process_names_its_file(processes, tmp_path):
    with pytest.raises(InputError, match=f"{tmp_path / 'absent.jpg'} is not there"):
        run(image_size, [tmp_path / "absent.jpg"] * 9, 2)


def test_few_tasks_start_no_process():
    names, _ = run(os.path.realpath, ["/proc/self"] * 3, 2)
    assert names == [f"/proc/{os.getpid()}"] * 3


def test_a_process_that_is_killed_is_told_in_words(monkeypatch):
    monkeypatch.setattr(converted, "_LEAST_FOR_PROCESSES", 1)
    with pytest.raises(InputError, match=r"one of the processes was killed.*--workers 1"):
        list(convert_all(os._exit, [1, 2], workers=2, progress=lambda _: None))
