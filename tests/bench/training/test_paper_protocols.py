"""The paper's configurations against mmdet's own files, key by key, and their learning rates."""

from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import mmdet
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import LinearLR, MultiStepLR

from noisyseg.bench.config.protocol import LATER
from noisyseg.bench.config.shipped import read_with_base, shipped_names
from noisyseg.bench.config.suite import Choices, load_suite
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.training.run_dataset import (
    evaluation_dataset,
    evaluation_pipeline,
    train_dataset,
    train_pipeline,
)
from noisyseg.bench.training.schedule import learning_rate_factor
from noisyseg.bench.training.train_loader import train_loader

CONFIGS = Path(mmdet.__file__).parent / ".mim" / "configs"
COCO = "mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py"
LEGACY = "legacy_1.x/mask-rcnn_r50_fpn_1x_coco_v1.py"
CITYSCAPES = "cityscapes/mask-rcnn_r50_fpn_1x_cityscapes.py"


class Pair(NamedTuple):
    """A suite's variant, and the files of mmdet's that its model and its training come from."""

    suite: str
    variant: str
    model: str
    training: str


PAIRS = {
    "voc-mmdet3": Pair("paper-table1-voc", "mmdet3", COCO, COCO),
    "voc-fast": Pair("paper-table1-voc", "fast", COCO, COCO),
    "voc-legacy": Pair("paper-table1-voc", "legacy", LEGACY, LEGACY),
    "coco-mmdet3": Pair("paper-table2-coco", "mmdet3", COCO, COCO),
    "coco-fast": Pair("paper-table2-coco", "fast", COCO, COCO),
    "coco-legacy": Pair("paper-table2-coco", "legacy", LEGACY, LEGACY),
    "cityscapes-mmdet3": Pair("paper-table3-cityscapes", "mmdet3", CITYSCAPES, CITYSCAPES),
    # mmdet has no v1 file for Cityscapes.
    "cityscapes-fast": Pair("paper-table3-cityscapes", "fast", CITYSCAPES, CITYSCAPES),
    "cityscapes-legacy": Pair("paper-table3-cityscapes", "legacy", LEGACY, CITYSCAPES),
}


class Absent:
    """Stands for a key that one side lacks."""

    def __repr__(self):
        return "ABSENT"


ABSENT = Absent()
BBOX, MASK = "model.roi_head.bbox_head", "model.roi_head.mask_head"
CLASSES_OF_THE_RUN = "the run's classes fill it in"
METHOD = "the run's method takes the class loss's place"
IMAGENET = "the paper starts from ImageNet's weights, mmdet from a detector trained on COCO"
REPEATED = "64 epochs of the set are 8 of it 8 times over"
DEFAULT = "None is the transform's default"
IGNORED = "mmdet filters no evaluation images (test_mode)"
NO_TRUTH = "the predictions are scored against the annotation file, not against the images' labels"
PER_IMAGE = "the paper's batch and rate: 0.00125 per image, mmdet's rule"
PAPER = "the paper, section 5"
V1 = "mmdet v1.0rc0's own configs/mask_rcnn_r50_fpn_1x.py; mmdet's legacy file has today's schedule"

FAST = "the variant's own: bfloat16, and the batch in one pass"

# Every intended difference: (pairs it holds for, key) → (ours, mmdet's, why).
INTENDED = {
    ("coco-*", f"{BBOX}.num_classes"): (ABSENT, 80, CLASSES_OF_THE_RUN),
    ("coco-*", f"{MASK}.num_classes"): (ABSENT, 80, CLASSES_OF_THE_RUN),
    ("voc-*", f"{BBOX}.num_classes"): (ABSENT, 80, CLASSES_OF_THE_RUN),
    ("voc-*", f"{MASK}.num_classes"): (ABSENT, 80, CLASSES_OF_THE_RUN),
    ("cityscapes-[mf]*", f"{BBOX}.num_classes"): (ABSENT, 8, CLASSES_OF_THE_RUN),
    ("cityscapes-[mf]*", f"{MASK}.num_classes"): (ABSENT, 8, CLASSES_OF_THE_RUN),
    ("cityscapes-legacy", f"{BBOX}.num_classes"): (ABSENT, 80, CLASSES_OF_THE_RUN),
    ("cityscapes-legacy", f"{MASK}.num_classes"): (ABSENT, 80, CLASSES_OF_THE_RUN),
    ("*", f"{BBOX}.loss_cls.type"): (ABSENT, "CrossEntropyLoss", METHOD),
    ("*", f"{BBOX}.loss_cls.use_sigmoid"): (ABSENT, False, METHOD),
    ("*", f"{BBOX}.loss_cls.loss_weight"): (ABSENT, 1.0, METHOD),
    ("cityscapes-[mf]*", "backbone_weights"): (*("torchvision://resnet50", None, IMAGENET),),
    ("cityscapes-*", "detector_weights"): (
        *(None, "mask_rcnn_r50_fpn_1x_coco_20200205-d4b0c5d6.pth", IMAGENET),
    ),
    ("*", "train.LoadImageFromFile.backend_args"): (ABSENT, None, DEFAULT),
    ("*", "eval.LoadImageFromFile.backend_args"): (ABSENT, None, DEFAULT),
    ("*", "eval.steps"): (
        ["LoadImageFromFile", "Resize", "PackDetInputs"],
        ["LoadImageFromFile", "Resize", "LoadAnnotations", "PackDetInputs"],
        NO_TRUTH,
    ),
    ("*", "eval.LoadAnnotations.with_bbox"): (ABSENT, True, NO_TRUTH),
    ("*", "eval.LoadAnnotations.with_mask"): (ABSENT, True, NO_TRUTH),
    ("cityscapes-*", "eval.filter.filter_empty_gt"): (ABSENT, True, IGNORED),
    ("cityscapes-*", "eval.filter.min_size"): (ABSENT, 32, IGNORED),
    ("*", "train.sampler"): (
        *("EpochSampler", "DefaultSampler"),
        "an epoch's order depends on (train seed, epoch) alone, or no run could be resumed",
    ),
    ("voc-*", "train.batch_size"): (4, 16, PER_IMAGE),
    ("voc-*", "optimizer.lr"): (0.005, 0.02, PER_IMAGE),
    # 16 is what its base has; by its own comment the rate of 0.01 is for 8 images.
    ("cityscapes-*", "train.batch_size"): (2, 16, PER_IMAGE),
    ("cityscapes-*", "optimizer.lr"): (0.0025, 0.01, PER_IMAGE),
    ("voc-*", "schedule.milestones"): ([9], [8, 11], PAPER),
    ("cityscapes-*", "train.repeats"): (1, 8, REPEATED),
    ("cityscapes-*", "epochs"): (64, 8, REPEATED),
    ("cityscapes-*", "schedule.milestones"): ([48], [7], PAPER + "; mmdet's 7 is our 56"),
    ("coco-fast", "train.images_a_pass"): (16, 2, FAST),
    ("voc-fast", "train.images_a_pass"): (4, 2, FAST),
    ("cityscapes-fast", "train.images_a_pass"): (2, 1, FAST),
    ("*-fast", "precision"): ("bf16", "tf32", FAST),
    ("*-fast", "memory_format"): ("channels-last", "contiguous", FAST),
    ("*-legacy", "gradient_clip"): (35.0, None, V1),
    ("*-legacy", "schedule.warmup_iterations"): (500, 499, V1),
    ("*-legacy", "schedule.warmup_factor"): (1 / 3, 0.001, V1),
}

# What of mmdet's files decides the result, and is compared; what does not.
COMPARED = {
    *("model", "train_dataloader", "test_dataloader", "train_cfg", "param_scheduler"),
    *("optim_wrapper", "auto_scale_lr", "load_from"),
}
PARTS_OF_OTHERS = {
    *("dataset_type", "data_root", "backend_args", "train_pipeline", "test_pipeline"),
    "val_dataloader",  # the same object as test_dataloader
}
OF_THE_RUNNER = {
    *("val_evaluator", "test_evaluator", "val_cfg", "test_cfg", "default_scope", "default_hooks"),
    *("env_cfg", "vis_backends", "visualizer", "log_processor", "log_level", "resume"),
}


def leaves(value, path):
    """Every scalar and every list in nested mappings, by its dotted path; tuples are lists."""
    if isinstance(value, dict):
        found = {}
        for key, entry in value.items():
            found |= leaves(entry, f"{path}.{key}")
        return found
    return {path: as_lists(value)}


def as_lists(value):
    return [as_lists(entry) for entry in value] if isinstance(value, list | tuple) else value


def steps(pipeline, path):
    """A pipeline's transforms in order, and each one's settings by its name."""
    found = {f"{path}.steps": [step["type"] for step in pipeline]}
    for step in pipeline:
        settings = {key: value for key, value in step.items() if key != "type"}
        found |= leaves(settings, f"{path}.{step['type']}")
    return found


def load(pair, folder):
    choices = Choices(variant=pair.variant, random_weights=True)
    return load_suite(pair.suite, data_root=folder, cache=folder, choices=choices)


def ours(pair, tmp_path, shapes):
    """A variant's configuration; what the data loaders do is asked of real ones."""
    suite = load(pair, tmp_path)
    protocol = suite.protocol
    files = shapes / "annotations" / "instances_train.json", shapes / "train"
    options = {"classes": CLASSES, "image": protocol["image"]}
    training = train_dataset(*files, **options, train_seed=0)
    evaluation = evaluation_dataset(*files, **options)
    loader = train_loader(
        training,
        batch_size=protocol["micro_batch"],
        workers=0,
        grouped=protocol["aspect_ratio_grouping"],
    )
    return {
        **leaves(suite.model.detector, "model"),
        "backbone_weights": read_with_base("model", suite.model.name, where="")["weights"],
        "detector_weights": None,
        **steps(train_pipeline(protocol["image"]), "train"),
        **leaves(training.filter_cfg, "train.filter"),
        **steps(evaluation_pipeline(protocol["image"]), "eval"),
        **leaves(evaluation.filter_cfg or {}, "eval.filter"),
        "eval.test_mode": evaluation.test_mode,
        "train.images_a_pass": loader.batch_sampler.batches.batch_size,
        "train.grouping": type(loader.batch_sampler.batches).__name__,
        "train.drop_last": loader.batch_sampler.batches.drop_last,
        "train.sampler": type(loader.batch_sampler.batches.sampler).__name__,
        "train.repeats": 1,
        "train.batch_size": protocol["batch_size"],
        **leaves(protocol["optimizer"], "optimizer"),
        "gradient_clip": protocol["gradient_clip"],
        **{key: protocol.get(key, default) for key, default in LATER.items()},
        "epochs": protocol["epochs"],
        **leaves(protocol["schedule"], "schedule"),
    }


def mmdets(pair):
    """mmdet's configuration under our keys."""
    training = Config.fromfile(CONFIGS / pair.training).to_dict()
    model = Config.fromfile(CONFIGS / pair.model).model.to_dict()
    start = model["backbone"].pop("init_cfg")
    loader, evaluation = training["train_dataloader"], training["test_dataloader"]["dataset"]
    repeated = loader["dataset"]
    data = repeated.get("dataset", repeated)
    warmup, decay = training["param_scheduler"]
    return {
        **leaves(model, "model"),
        "backbone_weights": start and start["checkpoint"],
        "detector_weights": training["load_from"] and training["load_from"].split("/")[-1],
        **steps(data["pipeline"], "train"),
        **leaves(data["filter_cfg"], "train.filter"),
        **steps(evaluation["pipeline"], "eval"),
        **leaves(evaluation.get("filter_cfg", {}), "eval.filter"),
        "eval.test_mode": evaluation["test_mode"],
        "train.images_a_pass": loader["batch_size"],
        "train.grouping": loader["batch_sampler"]["type"],
        "train.drop_last": loader["batch_sampler"].get("drop_last", False),
        "train.sampler": loader["sampler"]["type"],
        "train.repeats": repeated.get("times", 1),
        "train.batch_size": training["auto_scale_lr"]["base_batch_size"],
        **leaves(training["optim_wrapper"]["optimizer"], "optimizer"),
        "gradient_clip": training["optim_wrapper"].get("clip_grad"),
        "precision": "tf32",  # its wrapper is OptimWrapper, not AmpOptimWrapper
        "memory_format": "contiguous",
        "average_last": 0 if not training.get("custom_hooks") else "a hook of its own",
        "epochs": training["train_cfg"]["max_epochs"],
        # mmengine's warm-up is at full rate in its last iteration, end - 1.
        "schedule.warmup_iterations": warmup["end"] - warmup["begin"] - 1,
        "schedule.warmup_factor": warmup["start_factor"],
        "schedule.milestones": decay["milestones"],
        "schedule.gamma": decay["gamma"],
    }


def intended(name):
    entries = [
        (key, values[:2]) for (pattern, key), values in INTENDED.items() if fnmatch(name, pattern)
    ]
    assert len({key for key, _ in entries}) == len(entries), "a key stands there twice"
    return dict(entries)


@pytest.mark.parametrize("name", PAIRS)
def test_only_intended_differences_from_mmdets_own_file(tmp_path, shapes, name):
    mine, theirs = ours(PAIRS[name], tmp_path, shapes), mmdets(PAIRS[name])
    assert len(theirs) > 110
    found = {
        key: (mine.get(key, ABSENT), theirs.get(key, ABSENT))
        for key in mine.keys() | theirs.keys()
        if mine.get(key, ABSENT) != theirs.get(key, ABSENT)
    }
    assert found == intended(name)
    # What makes the differences of Cityscapes' and VOC's numbers alike in effect.
    assert mine["epochs"] == theirs["epochs"] * theirs["train.repeats"]
    assert mine["optimizer.lr"] / mine["train.batch_size"] == pytest.approx(0.00125)


def test_every_protocol_of_the_paper_and_every_r50_model_is_compared(tmp_path):
    suites = [load(pair, tmp_path) for pair in PAIRS.values()]
    for kind, start, used in (
        ("protocol", "paper-", {suite.protocol["name"] for suite in suites}),
        ("model", "mask-rcnn-r50-fpn", {suite.model.name for suite in suites}),
    ):
        assert {name for name in shipped_names(kind) if name.startswith(start)} == used


def test_every_intended_difference_is_of_some_configuration():
    for pattern, key in INTENDED:
        assert any(fnmatch(name, pattern) for name in PAIRS), (pattern, key)


@pytest.mark.parametrize("file", [COCO, LEGACY, CITYSCAPES])
def test_nothing_of_mmdets_file_is_left_out_of_the_comparison(file):
    config = Config.fromfile(CONFIGS / file).to_dict()
    assert config.keys() <= COMPARED | PARTS_OF_OTHERS | OF_THE_RUNNER
    assert config.keys() >= COMPARED
    loader = config["train_dataloader"]
    of_speed = {"num_workers", "persistent_workers"}
    assert loader.keys() - of_speed == {"batch_size", "sampler", "batch_sampler", "dataset"}
    assert loader["sampler"] == {"type": "DefaultSampler", "shuffle": True}
    assert loader["batch_sampler"] == {"type": "AspectRatioBatchSampler"}
    assert config["test_dataloader"] == config["val_dataloader"]
    assert config["test_dataloader"]["batch_size"] == 1
    assert config["optim_wrapper"].keys() == {"type", "optimizer"}
    assert config["optim_wrapper"]["type"] == "OptimWrapper"
    warmup, decay = config["param_scheduler"]
    kinds = ("LinearLR", False), ("MultiStepLR", True)
    assert [(part["type"], part["by_epoch"]) for part in (warmup, decay)] == list(kinds)
    assert warmup.keys() == {"type", "start_factor", "by_epoch", "begin", "end"}
    assert (decay["begin"], decay["end"]) == (0, config["train_cfg"]["max_epochs"])


# The learning rate, by the paper's epochs: data set → (epochs, iterations of each, decays after).

TRAININGS = {"voc": (12, 120, [9]), "coco": (12, 120, [8, 11]), "cityscapes": (64, 20, [48])}


def our_factors(tmp_path, dataset, variant):
    suite = load(PAIRS[f"{dataset}-{variant}"], tmp_path)
    epochs, iterations, _ = TRAININGS[dataset]
    schedule = suite.protocol["schedule"]
    return [
        learning_rate_factor(iteration, iterations_per_epoch=iterations, schedule=schedule)
        for iteration in range(epochs * iterations)
    ]


@pytest.mark.parametrize("dataset", TRAININGS)
def test_the_rate_is_what_mmengines_schedulers_give_as_its_runner_steps_them(tmp_path, dataset):
    epochs, iterations, milestones = TRAININGS[dataset]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    warmup = LinearLR(optimizer, start_factor=0.001, by_epoch=False, begin=0, end=500)
    decay = MultiStepLR(optimizer, milestones, gamma=0.1, by_epoch=True, begin=0, end=epochs)
    expected = []
    for _ in range(epochs):
        for _ in range(iterations):
            expected.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            warmup.step()
        decay.step()
    assert expected[0] == 0.001
    assert expected[499] == pytest.approx(1)
    assert our_factors(tmp_path, dataset, "mmdet3") == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("dataset", TRAININGS)
def test_the_legacy_rate_is_what_mmcv_0_x_computed(tmp_path, dataset):
    """Its LrUpdaterHook: policy `step`, warmup `linear`, 500 iterations, ratio 1/3."""
    epochs, iterations, milestones = TRAININGS[dataset]
    expected = []
    for iteration in range(epochs * iterations):
        rate = 0.1 ** len([step for step in milestones if step <= iteration // iterations])
        if iteration < 500:
            rate *= 1 - (1 - iteration / 500) * (1 - 1 / 3)
        expected.append(rate)
    assert expected[0] == pytest.approx(1 / 3)
    assert our_factors(tmp_path, dataset, "legacy") == pytest.approx(expected, rel=1e-9)
