import json

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from PIL import Image
from pycocotools import mask as coco_mask
from torch import nn

from noisyseg.bench.training.prediction import predict
from noisyseg.bench.training.run_dataset import evaluation_dataset

SIZES = {31: (40, 60), 7: (64, 48)}  # height, width


@pytest.fixture
def dataset(tmp_path):
    """Two images, neither square nor of the network's scale; nothing in them is annotated."""
    generator = np.random.default_rng(5)
    images = []
    for number, (height, width) in SIZES.items():
        pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        size = {"width": width, "height": height}
        images.append({"id": number, "file_name": f"{number}.png", **size})
    categories = [{"id": 3 * n + 2, "name": f"class {n}"} for n in range(8)]
    document = {"images": images, "annotations": [], "categories": categories}
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(document))
    classes = [entry["name"] for entry in categories]
    return evaluation_dataset(path, tmp_path, classes=classes, image={"test_scale": [96, 96]})


class Knowing(nn.Module):
    """Finds one rectangle in the first image and nothing in the second."""

    def test_step(self, batch):
        assert not self.training
        assert not torch.is_grad_enabled()
        (sample,) = batch["data_samples"]
        height, width = sample.ori_shape
        found = int(sample.img_id == 31)
        masks = torch.zeros(found, height, width, dtype=torch.bool)
        masks[:, 20:25, 10:40] = True
        boxes = torch.tensor([[10.0, 20.0, 40.0, 25.0]])[:found]
        scores, labels = torch.tensor([0.75])[:found], torch.tensor([4])[:found]
        result = DetDataSample(metainfo=sample.metainfo)
        result.pred_instances = InstanceData(
            bboxes=boxes, scores=scores, labels=labels, masks=masks
        )
        return [result]


def test_a_detection_by_hand(dataset):
    found = dict(predict(Knowing().train(), dataset, category_ids={4: 14}))
    assert list(found) == [31, 7]  # the file's order
    assert found[7] == []
    (detection,) = found[31]
    mask = coco_mask.decode(detection.pop("segmentation"))
    expected = np.zeros((40, 60), dtype=np.uint8)
    expected[20:25, 10:40] = 1
    assert np.array_equal(mask, expected)
    assert detection == {
        "image_id": 31,
        "category_id": 14,
        "score": 0.75,
        "bbox": [10.0, 20.0, 30.0, 5.0],
    }


def test_a_real_detectors_findings_are_in_the_images_own_pixels(dataset, tiny):
    category_ids = {n: 3 * n + 2 for n in range(8)}
    found = dict(predict(tiny(), dataset, category_ids=category_ids))
    # Untrained, it scores each of nine classes about 1/9, above the threshold of 0.05.
    assert all(found.values())
    for image_id, detections in found.items():
        height, width = SIZES[image_id]
        for detection in detections:
            json.dumps(detection)
            assert detection["image_id"] == image_id
            assert detection["category_id"] in category_ids.values()
            assert 0.05 < detection["score"] <= 1
            x, y, w, h = detection["bbox"]
            assert x >= 0
            assert y >= 0
            assert w >= 0
            assert h >= 0
            assert x + w <= width + 1e-3
            assert y + h <= height + 1e-3
            rle = detection["segmentation"]
            assert rle["size"] == [height, width]
            assert coco_mask.decode(rle).shape == (height, width)
    right, bottom = (max(d["bbox"][n] + d["bbox"][n + 2] for d in found[7]) for n in (0, 1))
    assert right == pytest.approx(48)  # boxes do reach the far sides
    assert bottom == pytest.approx(64)


def test_predicting_twice_gives_the_same(dataset, tiny):
    category_ids = {n: n for n in range(8)}
    detector = tiny()
    first = list(predict(detector, dataset, category_ids=category_ids))
    torch.rand(5)
    assert list(predict(detector, dataset, category_ids=category_ids)) == first
