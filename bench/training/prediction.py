"""What a trained detector finds in the evaluation images, in COCO's result format.

N: detections of an image; H, W: its height and width in pixels.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn
from torch.utils.data import DataLoader

from noisyseg.bench.training.loader_process import alone_on_its_core, start_method
from noisyseg.bench.training.precision import computing, layers
from noisyseg.bench.training.ranks import ALONE, Ranks
from noisyseg.bench.training.run_dataset import RunDataset
from noisyseg.mask_overlap import encoded_columns

_BATCH = {"cpu": 4, "cuda": 16}  # images
# 100 masks an image, a byte a pixel, are pasted for a whole batch before the first is taken away.
_PIXELS = 10 * 1024 * 1024  # of a batch's images


@torch.no_grad()
def predict(
    detector: nn.Module,
    dataset: RunDataset,
    *,
    category_ids: Mapping[int, int],
    protocol: Mapping[str, Any],
    workers: int = 0,
    ranks: Ranks = ALONE,
) -> dict[int, list[dict[str, Any]]]:
    """Detections of every image, some images of one size at a time: nothing is padded.

    Args:
        detector: trained, on its device.
        dataset: evaluation images.
        category_ids: from class index to the annotation file's category id.
        protocol: resolved; its precision and memory order are those of the training.
        workers: processes that load images; however many, the detections are the same.
        ranks: of which each predicts its part, and has them all in the end. Who is in a batch with
            whom does not depend on them, so that on a CPU the detections are the same, too.
    Returns:
        For each image id, in the data set's order, its detections: `image_id`, `category_id`,
        `score`, `bbox` [x, y, w, h] in pixels, `segmentation` as compressed RLE.
    """
    model: Any = detector
    model.eval()
    device = next(detector.parameters()).device
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    detections: dict[int, list[dict[str, Any]]] = {int(info["img_id"]): [] for info in infos}
    batches = _batches([(info["height"], info["width"]) for info in infos], _BATCH[device.type])
    own = batches[ranks.rank :: ranks.count]
    loader = _loader(dataset, own, pinned=device.type == "cuda", workers=workers)
    with computing(model, protocol):
        for batch in loader:
            batch["inputs"] = [image.to(device, non_blocking=True) for image in batch["inputs"]]
            for sample in _tested(model, batch, lambda: layers(protocol, device)):
                image_id = int(sample.img_id)
                detections[image_id] = _detections(sample.pred_instances, image_id, category_ids)
    return detections if ranks.count == 1 else _of_all(ranks, detections)


def _of_all(ranks: Ranks, own: dict[int, list[dict[str, Any]]]) -> dict[int, list[dict[str, Any]]]:
    """Every rank's detections, in the order of the own ones, which have all images."""
    detections = dict(own)
    # JSON gives back the same numbers: it writes of each the digits that tell it from all others.
    told = ranks.gathered(json.dumps([pair for pair in own.items() if pair[1]]).encode())
    for content in told:
        detections.update(json.loads(content))
    return detections


def _batches(sizes: Sequence[tuple[int, int]], most: int) -> list[list[int]]:
    """Indices of images, at most so many a batch and all of it of one (height, width).

    What the images are alone decides who is with whom, so that nothing else changes a digit.
    """
    by_size: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, size in enumerate(sizes):
        by_size[size].append(index)
    batches = []
    for (height, width), indices in by_size.items():
        step = max(1, min(most, _PIXELS // (height * width)))
        batches += [indices[at : at + step] for at in range(0, len(indices), step)]
    return batches


def _loader(
    dataset: RunDataset, batches: list[list[int]], *, pinned: bool, workers: int
) -> DataLoader[Any]:
    return DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=pseudo_collate,
        pin_memory=pinned,
        worker_init_fn=alone_on_its_core,
        multiprocessing_context=start_method(workers),
        prefetch_factor=1 if workers else None,  # large batches, in shared memory
    )


def _tested(
    model: Any, batch: dict[str, Any], arithmetic: Callable[[], AbstractContextManager[Any]]
) -> Iterator[Any]:
    """What mmdet finds; image by image where a GPU has not the memory for all at once."""

    def found(batch: dict[str, Any]) -> Any:
        with arithmetic():
            return model.test_step(batch)

    try:
        yield from found(batch)
        return
    except torch.cuda.OutOfMemoryError:
        if len(batch["inputs"]) == 1:
            raise
    torch.cuda.empty_cache()
    for image, sample in zip(batch["inputs"], batch["data_samples"], strict=True):
        yield from found({"inputs": [image], "data_samples": [sample]})


def _detections(found: Any, image_id: int, category_ids: Mapping[int, int]) -> list[dict[str, Any]]:
    """An image's detections; every number but the masks' comes over from a GPU in one copy."""
    # Exact: class indices are far below 2²⁴.
    columns = [found.bboxes, found.scores[:, None], found.labels[:, None]]
    numbers = torch.cat([column.float() for column in columns], dim=1).tolist()
    return [
        {
            "image_id": image_id,
            "category_id": category_ids[int(label)],
            "score": score,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "segmentation": mask,
        }
        for (x1, y1, x2, y2, score, label), mask in zip(
            numbers, encoded_columns(_columns(found.masks)), strict=True
        )
    ]


def _columns(masks: Tensor) -> Any:
    """Masks (N, H, W) as bytes in an array (N, W, H): a GPU turns them faster than a CPU."""
    return masks.transpose(1, 2).contiguous().view(torch.uint8).cpu().numpy()
