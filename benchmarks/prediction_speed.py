"""How fast a trained detector's masks of evaluation images come, for `training`."""

import time
from copy import deepcopy

import torch
from listed_images import Images, listed
from training_sides import Work

from noisyseg.bench.training.detector import build_detector
from noisyseg.bench.training.prediction import predict
from noisyseg.bench.training.run_dataset import evaluation_dataset

IMAGES = {"cpu": 8, "cuda": 96}


def images_per_second(work: Work) -> float:
    """Of prediction by random weights, all 100 detections an image kept and encoded."""
    count = IMAGES[work.device]
    images = listed(work.images, count, work.images.annotations.with_name("evaluated.json"))
    detector = deepcopy(work.detector)
    detector["test_cfg"]["rcnn"]["score_thr"] = 0.0
    model = build_detector(detector, num_classes=len(images.classes), seed=0, weights=None)
    model.to(torch.device(work.device))
    _predict(work, images, model)  # warms up
    began = time.perf_counter()
    _predict(work, images, model)
    return count / (time.perf_counter() - began)


def _predict(work: Work, images: Images, model: torch.nn.Module) -> None:
    dataset = evaluation_dataset(
        images.annotations, images.folder, classes=images.classes, image=work.protocol["image"]
    )
    categories = {index: index + 1 for index in range(len(images.classes))}
    predict(
        model,
        dataset,
        category_ids=categories,
        protocol=work.protocol,
        workers=work.workers,
    )
