import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData
from PIL import Image
from pycocotools import mask as coco_mask
from torch import nn

from noisyseg.bench.config.model import load_model
from noisyseg.bench.training.detector import build_detector
from noisyseg.bench.training.prediction import _batches, predict
from noisyseg.bench.training.run_dataset import evaluation_dataset

SIZES = {31: (40, 60), 7: (64, 48)}  # height, width
DEFAULT = {}


@pytest.fixture
def dataset_of(tmp_path):
    """Makes a data set of images of random pixels, {id: (height, width)}; nothing is annotated."""

    def make(sizes):
        generator = np.random.default_rng(5)
        images = []
        for number, (height, width) in sizes.items():
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

    return make


@pytest.fixture
def dataset(dataset_of):
    """Two images, neither square nor of the network's scale."""
    return dataset_of(SIZES)


class Knowing(nn.Module):
    """Finds one rectangle in image 31 and nothing in others; has memory for so many at once."""

    def __init__(self, most=1000):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(()))
        self.most = most
        self.batches = []

    def test_step(self, batch):
        assert not self.training
        assert not torch.is_grad_enabled()
        self.batches.append([sample.img_id for sample in batch["data_samples"]])
        if len(batch["inputs"]) > self.most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        torch.stack(batch["inputs"])  # of one size
        return [self.found(sample) for sample in batch["data_samples"]]

    def found(self, sample):
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
        return result


def test_a_detection_by_hand(dataset):
    found = predict(Knowing().train(), dataset, category_ids={4: 14}, protocol=DEFAULT)
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
    found = predict(tiny(), dataset, category_ids=category_ids, protocol=DEFAULT)
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


def test_predicting_twice_gives_the_same_and_so_do_loader_processes(dataset, tiny):
    category_ids = {n: n for n in range(8)}
    detector = tiny()
    first = predict(detector, dataset, category_ids=category_ids, protocol=DEFAULT)
    torch.rand(5)
    for workers in (0, 2):
        again = predict(
            detector,
            dataset,
            category_ids=category_ids,
            protocol=DEFAULT,
            workers=workers,
        )
        assert list(again.items()) == list(first.items())


def test_ranks_predict_a_part_each_and_have_the_same_to_the_last_digit(dataset_of, tiny, on_ranks):
    dataset = dataset_of(MIXED)

    def work(ranks):
        torch.manual_seed(ranks.rank)
        found = predict(tiny(), dataset, category_ids=ids, protocol=DEFAULT, ranks=ranks)
        return list(found.items())

    ids = {n: n for n in range(8)}
    alone = predict(tiny(), dataset, category_ids=ids, protocol=DEFAULT)
    assert sum(bool(detections) for detections in alone.values()) > 1
    assert on_ranks(work) == [list(alone.items())] * 2


def test_each_image_is_one_ranks(dataset_of, on_ranks):
    dataset = dataset_of(MIXED)

    def work(ranks):
        detector = Knowing()
        found = predict(detector, dataset, category_ids={4: 14}, protocol=DEFAULT, ranks=ranks)
        return detector.batches, [number for number, detections in found.items() if detections]

    shares = [[5, 31, 1, 2], [4, 8], [3, 9, 6]]
    assert on_ranks(work, 2) == [([shares[0], shares[2]], [31]), ([shares[1]], [31])]
    assert on_ranks(work, 4) == [*(([share], [31]) for share in shares), ([], [31])]


# Batches

MIXED = {n: SIZES[31] if n % 3 else SIZES[7] for n in (5, 31, 1, 2, 3, 9, 4, 8, 6)}


def test_images_of_one_size_go_together_and_come_back_in_the_files_order(dataset_of):
    detector = Knowing()
    found = predict(detector, dataset_of(MIXED), category_ids={4: 14}, protocol=DEFAULT)
    assert detector.batches == [[5, 31, 1, 2], [4, 8], [3, 9, 6]]
    assert list(found) == list(MIXED)
    assert [number for number, detections in found.items() if detections] == [31]


def test_a_batch_too_large_for_the_gpu_is_taken_image_by_image(dataset_of):
    images = dataset_of(MIXED)
    detector = Knowing(most=2)
    found = predict(detector, images, category_ids={4: 14}, protocol=DEFAULT)
    assert detector.batches == [
        [5, 31, 1, 2],
        [5],
        [31],
        [1],
        [2],
        [4, 8],
        [3, 9, 6],
        [3],
        [9],
        [6],
    ]
    assert found == predict(Knowing(), images, category_ids={4: 14}, protocol=DEFAULT)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        predict(Knowing(most=0), images, category_ids={4: 14}, protocol=DEFAULT)


def test_large_images_go_in_smaller_batches():
    coco, city = (480, 640), (1024, 2048)
    assert _batches([coco] * 17, 16) == [[*range(16)], [16]]
    assert _batches([city] * 7, 16) == [[0, 1, 2, 3, 4], [5, 6]]
    assert _batches([(9000, 9000)] * 2, 16) == [[0], [1]]


def test_neighbours_in_a_batch_do_not_change_what_is_found(dataset_of, tiny):
    sizes = dict.fromkeys((4, 2, 9), SIZES[31])
    category_ids = {n: n for n in range(8)}
    detector = tiny()
    together = predict(detector, dataset_of(sizes), category_ids=category_ids, protocol=DEFAULT)
    images = dataset_of(sizes)
    for index, number in enumerate(sizes):
        with torch.no_grad():
            (sample,) = detector.test_step(pseudo_collate([images[index]]))
        scores = [detection["score"] for detection in together[number]]
        assert scores == pytest.approx(sample.pred_instances.scores.tolist(), abs=1e-5)


# The protocol's precision


def hooks(detector):
    return [
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in detector.modules()
    ]


def given_back(detector):
    """Fills a list with the types of what `test_step` finds."""
    types, original = [], detector.test_step

    def listen(batch):
        samples = original(batch)
        for sample in samples:
            found = sample.pred_instances
            types.append((found.bboxes.dtype, found.scores.dtype, found.masks.dtype))
        return samples

    detector.test_step = listen
    return types


# mmdet's, as a cascade's boxes are refined.
@pytest.mark.filterwarnings("ignore:To copy construct from a tensor:UserWarning")
@pytest.mark.parametrize(
    "source",
    ["mask-rcnn-tiny", pytest.param("cascade-mask-rcnn-r50-fpn", marks=pytest.mark.long)],
)
def test_bf16_is_in_the_layers_and_in_nothing_that_is_found(dataset, source):
    config = load_model(source, where="", root=Path(), random_weights=True).detector
    detector = build_detector(config, num_classes=8, seed=0, weights=None)
    category_ids = {n: n for n in range(8)}
    plain = predict(detector, dataset, category_ids=category_ids, protocol=DEFAULT)
    layers, types, before = [], given_back(detector), hooks(detector)
    listener = detector.roi_head.mask_head
    listener = listener[0] if isinstance(listener, nn.ModuleList) else listener
    listener = listener.convs[0].conv.register_forward_hook(lambda m, i, o: layers.append(o.dtype))
    bf16 = {"precision": "bf16", "memory_format": "channels-last"}
    found = predict(detector, dataset, category_ids=category_ids, protocol=bf16)
    listener.remove()
    assert set(layers) == {torch.bfloat16}
    assert set(types) == {(torch.float32, torch.float32, torch.bool)}
    assert hooks(detector) == before
    for number, detections in found.items():
        scores = [[d["score"] for d in all_of[number]] for all_of in (found, plain)]
        assert scores[0] != scores[1]
        assert max(scores[0]) == pytest.approx(max(scores[1]), rel=0.05)
        boxes = torch.tensor([d["bbox"] for d in detections])
        assert (boxes != boxes.bfloat16().float()).any()
    detector.to(memory_format=torch.contiguous_format)
    again = predict(detector, dataset, category_ids=category_ids, protocol=DEFAULT)
    assert again == plain
