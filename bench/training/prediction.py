"""What a trained detector finds in the evaluation images, in COCO's result format."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from mmengine.dataset import pseudo_collate
from torch import nn

from noisyseg.bench.training.run_dataset import RunDataset
from noisyseg.mask_overlap import encoded


def predict(
    detector: nn.Module, dataset: RunDataset, *, category_ids: Mapping[int, int]
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Detections image by image, one image a batch so that no padding depends on a neighbour.

    Args:
        detector: trained, on the device to use.
        dataset: evaluation images.
        category_ids: from class index to the annotation file's category id.
    Yields:
        image id and its detections: `image_id`, `category_id`, `score`, `bbox` [x, y, w, h] in
        pixels, `segmentation` as compressed RLE.
    """
    model: Any = detector
    model.eval()
    for index in range(len(dataset)):
        with torch.no_grad():
            (sample,) = model.test_step(pseudo_collate([dataset[index]]))
        found = sample.pred_instances
        image_id = int(sample.img_id)
        yield (
            image_id,
            [
                {
                    "image_id": image_id,
                    "category_id": category_ids[int(label)],
                    "score": float(score),
                    "bbox": _corner_and_size(box),
                    "segmentation": encoded(mask),
                }
                for label, score, box, mask in zip(
                    found.labels.tolist(),
                    found.scores.tolist(),
                    found.bboxes.tolist(),
                    found.masks.cpu().numpy(),
                    strict=True,
                )
            ],
        )


def _corner_and_size(box: Sequence[float]) -> list[float]:
    x1, y1, x2, y2 = box
    return [x1, y1, x2 - x1, y2 - y1]
