"""The paper's six configurations against the files that mmdet ships, every difference listed."""

import math
from pathlib import Path

import mmdet
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import LinearLR, MultiStepLR

from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.model import load_model
from noisyseg.bench.protocol import load_protocol
from noisyseg.bench.shipped import read_with_base, shipped_names
from noisyseg.bench.training.detector import build_detector
from noisyseg.bench.training.run_dataset import (
    evaluation_dataset,
    evaluation_pipeline,
    train_dataset,
    train_loader,
    train_pipeline,
)
from noisyseg.bench.training.schedule import learning_rate_factor

MMDET = Path(mmdet.__file__).parent / ".mim/configs"
TODAY = "mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py"
V1 = "legacy_1.x/mask-rcnn_r50_fpn_1x_coco_v1.py"
CITYSCAPES = "cityscapes/mask-rcnn_r50_fpn_1x_cityscapes.py"
ABSENT = "(absent)"

# Differences as key: (ours, mmdet's), grouped by their reason.

# A run's classes and its method's class loss are filled in when it is built.
FILLED_IN = {
    "model.roi_head.bbox_head.loss_cls.type": (ABSENT, "CrossEntropyLoss"),
    "model.roi_head.bbox_head.loss_cls.use_sigmoid": (ABSENT, False),
    "model.roi_head.bbox_head.loss_cls.loss_weight": (ABSENT, 1.0),
}
COCO_CLASSES = {
    "model.roi_head.bbox_head.num_classes": (ABSENT, 80),
    "model.roi_head.mask_head.num_classes": (ABSENT, 80),
}
CITYSCAPES_CLASSES = {
    "model.roi_head.bbox_head.num_classes": (ABSENT, 8),
    "model.roi_head.mask_head.num_classes": (ABSENT, 8),
}
# Files are read from disk, which is what mmdet's None means, too.
FROM_DISK = {
    "train_pipeline.LoadImageFromFile.backend_args": (ABSENT, None),
    "test_pipeline.LoadImageFromFile.backend_args": (ABSENT, None),
}
# Predictions are compared with the annotation file by pycocotools; the detector is shown none.
NO_TRUTH_IN_TESTS = {
    "test_pipeline": (
        ["LoadImageFromFile", "Resize", "PackDetInputs"],
        ["LoadImageFromFile", "Resize", "LoadAnnotations", "PackDetInputs"],
    ),
    "test_pipeline.LoadAnnotations.type": (ABSENT, "LoadAnnotations"),
    "test_pipeline.LoadAnnotations.with_bbox": (ABSENT, True),
    "test_pipeline.LoadAnnotations.with_mask": (ABSENT, True),
}
# The order of images is drawn from (train seed, epoch), so that a run can go on.
OWN_ORDER = {"loader.sampler": ("EpochSampler", "DefaultSampler")}
ALWAYS = {**FILLED_IN, **FROM_DISK, **NO_TRUTH_IN_TESTS, **OWN_ORDER}

# The paper, section 5: Pascal VOC.
VOC = {"batch_size": (4, 16), "optimizer.lr": (0.005, 0.02), "schedule.milestones": ([9], [8, 11])}
# mmdet v1.0rc0's configs/mask_rcnn_r50_fpn_1x.py, which legacy_1.x restates but for the training.
V1_TRAINING = {
    "gradient_clip": (35.0, None),
    "schedule.start_factor": (1 / 3, 0.001),
    "schedule.end": (501, 500),
}
# The paper, section 5: Cityscapes from ImageNet weights, 64 passes over each image, where mmdet
# starts from COCO's detector (load_from) and makes 8 passes over each image 8 times. mmdet's base
# batch is COCO's, which its file leaves as it is; its rate is for 8 images, by a comment.
CITYSCAPES_TRAINING = {
    "weights": ("torchvision://resnet50", None),
    "load_from": (None, Config.fromfile(MMDET / CITYSCAPES).load_from),
    "batch_size": (2, 16),
    "optimizer.lr": (0.0025, 0.01),
    "epochs": (64, 8),
    "repeats": (1, 8),
    "schedule.milestones": ([48], [7]),
}
# Against the V1 file, which is COCO's: Cityscapes' sizes, one image a GPU as in mmdet's own file.
CITYSCAPES_BY_COCO = {
    "batch_size": (2, 16),
    "loader.batch_size": (1, 2),
    "optimizer.lr": (0.0025, 0.02),
    "epochs": (64, 12),
    "schedule.milestones": ([48], [8, 11]),
    "train_pipeline": (
        ["LoadImageFromFile", "LoadAnnotations", "RandomResize", "RandomFlip", "PackDetInputs"],
        ["LoadImageFromFile", "LoadAnnotations", "Resize", "RandomFlip", "PackDetInputs"],
    ),
    "train_pipeline.RandomResize.type": ("RandomResize", ABSENT),
    "train_pipeline.RandomResize.scale": ([[2048, 800], [2048, 1024]], ABSENT),
    "train_pipeline.RandomResize.keep_ratio": (True, ABSENT),
    "train_pipeline.Resize.type": (ABSENT, "Resize"),
    "train_pipeline.Resize.scale": (ABSENT, [1333, 800]),
    "train_pipeline.Resize.keep_ratio": (ABSENT, True),
    "test_pipeline.Resize.scale": ([2048, 1024], [1333, 800]),
}

# protocol: (model, mmdet's file, intended differences)
CASES = {
    "paper-coco-mmdet3": ("mask-rcnn-r50-fpn", TODAY, {**ALWAYS, **COCO_CLASSES}),
    "paper-coco-legacy": (
        "mask-rcnn-r50-fpn-legacy",
        V1,
        {**ALWAYS, **COCO_CLASSES, **V1_TRAINING},
    ),
    "paper-voc-mmdet3": ("mask-rcnn-r50-fpn", TODAY, {**ALWAYS, **COCO_CLASSES, **VOC}),
    "paper-voc-legacy": (
        "mask-rcnn-r50-fpn-legacy",
        V1,
        {**ALWAYS, **COCO_CLASSES, **VOC, **V1_TRAINING},
    ),
    "paper-cityscapes-mmdet3": (
        "mask-rcnn-r50-fpn-cityscapes",
        CITYSCAPES,
        {**ALWAYS, **CITYSCAPES_CLASSES, **CITYSCAPES_TRAINING},
    ),
    "paper-cityscapes-legacy": (
        "mask-rcnn-r50-fpn-legacy",
        V1,
        {**ALWAYS, **COCO_CLASSES, **CITYSCAPES_BY_COCO, **V1_TRAINING},
    ),
}


def leaves(value, path):
    """Every value that is no mapping, by its dotted path; tuples as the lists that YAML has."""
    if isinstance(value, dict):
        return {
            name: leaf
            for key, entry in value.items()
            for name, leaf in leaves(entry, f"{path}.{key}").items()
        }
    return {path: listed(value)}


def listed(value):
    return [listed(entry) for entry in value] if isinstance(value, list | tuple) else value


def steps(pipeline, path):
    """The transforms' names in order, and each one's values by its name."""
    flat = {path: [step["type"] for step in pipeline]}
    for step in pipeline:
        flat |= leaves(dict(step), f"{path}.{step['type']}")
    return flat


@pytest.fixture
def ours(shapes):
    """A configuration of ours as the parts that training really builds or is given."""

    def flat(protocol, model):
        settings = load_protocol(protocol, where="")
        image = settings["image"]
        files = shapes / "annotations" / "instances_train.json", shapes / "train"
        dataset = train_dataset(*files, classes=CLASSES, image=image, train_seed=0)
        loader = train_loader(
            dataset,
            batch_size=settings["micro_batch"],
            workers=0,
            grouped=settings["aspect_ratio_grouping"],
        )
        schedule = settings["schedule"]
        return {
            **leaves(
                load_model(model, where="", root=Path(), random_weights=True).detector, "model"
            ),
            "weights": read_with_base("model", model, where="")["weights"],
            "load_from": None,
            **steps(train_pipeline(image), "train_pipeline"),
            **steps(evaluation_pipeline(image), "test_pipeline"),
            **leaves(dataset.filter_cfg, "filter"),
            "repeats": 1,
            "batch_size": settings["batch_size"],
            "loader.batch_size": loader.batch_sampler.batch_size,
            "loader.sampler": type(loader.batch_sampler.sampler).__name__,
            "loader.batch_sampler": type(loader.batch_sampler).__name__,
            "loader.drop_last": loader.batch_sampler.drop_last,
            **leaves(settings["optimizer"], "optimizer"),
            "gradient_clip": settings["gradient_clip"],
            "schedule.start_factor": schedule["warmup_factor"],
            # mmengine's last warm-up iteration is at full rate, ours is the one before it.
            "schedule.end": schedule["warmup_iterations"] + 1,
            "schedule.milestones": schedule["milestones"],
            "schedule.gamma": schedule["gamma"],
            "epochs": settings["epochs"],
        }

    return flat


def mmdets(file):
    """The same keys out of a file of mmdet."""
    config = Config.fromfile(MMDET / file).to_dict()
    model = config["model"]
    weights = model["backbone"].pop("init_cfg")
    loader = config["train_dataloader"]
    outer = loader["dataset"]
    inner = outer["dataset"] if outer["type"] == "RepeatDataset" else outer
    warmup, decay = config["param_scheduler"]
    assert (warmup["type"], warmup["begin"], warmup["by_epoch"]) == ("LinearLR", 0, False)
    assert (decay["type"], decay["begin"], decay["by_epoch"]) == ("MultiStepLR", 0, True)
    return {
        **leaves(model, "model"),
        "weights": None if weights is None else weights["checkpoint"],
        "load_from": config["load_from"],
        **steps(inner["pipeline"], "train_pipeline"),
        **steps(config["test_dataloader"]["dataset"]["pipeline"], "test_pipeline"),
        **leaves(inner["filter_cfg"], "filter"),
        "repeats": outer.get("times", 1),
        "batch_size": config["auto_scale_lr"]["base_batch_size"],
        "loader.batch_size": loader["batch_size"],
        "loader.sampler": loader["sampler"]["type"],
        "loader.batch_sampler": loader["batch_sampler"]["type"],
        "loader.drop_last": loader.get("drop_last", False),
        **leaves(config["optim_wrapper"]["optimizer"], "optimizer"),
        "gradient_clip": config["optim_wrapper"].get("clip_grad"),
        "schedule.start_factor": warmup["start_factor"],
        "schedule.end": warmup["end"],
        "schedule.milestones": decay["milestones"],
        "schedule.gamma": decay["gamma"],
        "epochs": config["train_cfg"]["max_epochs"],
    }


@pytest.mark.parametrize("protocol", CASES)
def test_it_is_mmdets_but_for_what_is_listed(ours, protocol):
    model, file, intended = CASES[protocol]
    mine, theirs = ours(protocol, model), mmdets(file)
    assert len(theirs) > 120
    different = {
        key: (mine.get(key, ABSENT), theirs.get(key, ABSENT))
        for key in mine.keys() | theirs.keys()
        if mine.get(key, ABSENT) != theirs.get(key, ABSENT)
    }
    assert different == intended


def test_every_protocol_of_the_paper_is_compared():
    assert {name for name in shipped_names("protocol") if name.startswith("paper-")} == set(CASES)


def test_legacy_differs_from_today_in_clip_and_warm_up_alone():
    for data in ("voc", "coco", "cityscapes"):
        today, legacy = (load_protocol(f"paper-{data}-{v}", where="") for v in ("mmdet3", "legacy"))
        changed = {key for key in today if today[key] != legacy[key]}
        assert changed == {"name", "gradient_clip", "schedule"}


# The learning rate, iteration by iteration


@pytest.mark.parametrize("data", ["voc", "coco", "cityscapes"])
def test_the_learning_rate_is_mmengines(data):
    """Over the whole training; with 150 iterations an epoch the warm-up spans several of them."""
    protocol = load_protocol(f"paper-{data}-mmdet3", where="")
    per_epoch, lr = 150, protocol["optimizer"]["lr"]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    warmup = LinearLR(optimizer, start_factor=0.001, by_epoch=False, begin=0, end=500)
    decay = MultiStepLR(
        optimizer, milestones=protocol["schedule"]["milestones"], gamma=0.1, by_epoch=True
    )
    for iteration in range(per_epoch * protocol["epochs"]):
        factor = learning_rate_factor(
            iteration, iterations_per_epoch=per_epoch, schedule=protocol["schedule"]
        )
        assert lr * factor == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9), iteration
        optimizer.step()
        warmup.step()
        if (iteration + 1) % per_epoch == 0:
            decay.step()


@pytest.mark.parametrize(
    ("data", "milestones"), [("voc", [9]), ("coco", [8, 11]), ("cityscapes", [48])]
)
def test_the_legacy_learning_rate_is_mmcvs_of_that_time(data, milestones):
    """mmcv 0.x: lr · (1 − (1 − it/500)(1 − 1/3)) for the first 500, step decay by epochs."""
    protocol = load_protocol(f"paper-{data}-legacy", where="")
    per_epoch = 150
    for iteration in range(per_epoch * protocol["epochs"]):
        expected = 0.1 ** sum(iteration // per_epoch >= epoch for epoch in milestones)
        if iteration < 500:
            expected *= 1 - (1 - iteration / 500) * (1 - 1 / 3)
        found = learning_rate_factor(
            iteration, iterations_per_epoch=per_epoch, schedule=protocol["schedule"]
        )
        assert found == pytest.approx(expected, rel=1e-9), iteration


# mmdet v1's parts in today's mmdet, on whatever operators mmcv has here


@pytest.fixture(scope="module")
def legacy():
    """The legacy model for 8 classes; narrow, since its conventions are what matters."""
    config = load_model(
        "mask-rcnn-r50-fpn-legacy", where="", root=Path(), random_weights=True
    ).detector
    config["backbone"] |= {"depth": 18, "base_channels": 16, "stem_channels": 16}
    config["neck"] |= {"in_channels": [16, 32, 64, 128]}
    return build_detector(config, num_classes=8, seed=0, weights=None)


def test_legacy_anchors_lie_on_whole_pixels(legacy):
    """v1: stride 4, scale 8, ratio 1: 32 pixels from −14 to 17, the last one included."""
    generator = legacy.rpn_head.prior_generator
    first = generator.grid_priors([(2, 2)] * 5, device="cpu")[0][:3]
    assert first[1].tolist() == [-14, -14, 17, 17]
    # Ratio 1/2: 32 · √2 = 45.25 wide and 22.63 high, about (1.5, 1.5), rounded.
    assert first[0].tolist() == [-21, -9, 24, 12]


def test_legacy_box_codes_count_the_last_pixel(legacy):
    """A box from 0 to 9 is 10 wide; one from 0 to 19 is 20 wide, its centre 5 further.

    v1 took half a pixel off each side again as it decoded. mmdet leaves that out on purpose, as it
    says in its code: boxes come out half a pixel larger on each side.
    """
    box, truth = torch.tensor([[0.0, 0, 9, 9]]), torch.tensor([[0.0, 0, 19, 9]])
    for coder, stds in (
        (legacy.rpn_head.bbox_coder, [1.0, 1.0, 1.0, 1.0]),
        (legacy.roi_head.bbox_head.bbox_coder, [0.1, 0.1, 0.2, 0.2]),
    ):
        code = coder.encode(box, truth)
        torch.testing.assert_close(
            code * torch.tensor(stds), torch.tensor([[0.5, 0, math.log(2), 0]])
        )
        larger = truth + torch.tensor([[-0.5, -0.5, 0.5, 0.5]])
        torch.testing.assert_close(coder.decode(box, code), larger)


def test_legacy_roi_align_samples_between_pixels_without_a_shift(legacy):
    """On a ramp f(x) = x a bin's mean is its centre: v1 does not take half a pixel off."""
    ramp = torch.arange(40.0).expand(1, 1, 40, 40)
    for extractor, bins in (
        (legacy.roi_head.bbox_roi_extractor, 7),
        (legacy.roi_head.mask_roi_extractor, 14),
    ):
        layer = extractor.roi_layers[0]
        assert layer.spatial_scale == 1 / 4
        pooled = layer(ramp, torch.tensor([[0.0, 16.0, 24.0, 128.0, 136.0]]))
        expected = 4 + (torch.arange(bins) + 0.5) * 28 / bins
        torch.testing.assert_close(pooled[0, 0], expected.expand(bins, bins))


def test_the_legacy_model_trains_and_predicts(legacy, shapes):
    image = {**load_protocol("paper-voc-legacy", where="")["image"], "scale": [64, 64]}
    image |= {"test_scale": [64, 64]}
    files = shapes / "annotations" / "instances_train.json", shapes / "train"
    dataset = train_dataset(*files, classes=CLASSES, image=image, train_seed=0)
    data = legacy.data_preprocessor(pseudo_collate([dataset[0], dataset[1]]), training=True)
    total, losses = legacy.parse_losses(legacy.train()(**data, mode="loss"))
    assert all(torch.isfinite(value) for value in losses.values())
    assert losses["loss_mask"] > 0
    assert losses["loss_bbox"] > 0
    total.backward()
    trained = {n: p.grad for n, p in legacy.named_parameters() if p.requires_grad}
    assert all(gradient is not None and gradient.isfinite().all() for gradient in trained.values())
    tested = evaluation_dataset(*files, classes=CLASSES, image=image)
    with torch.no_grad():
        (found,) = legacy.eval().test_step(pseudo_collate([tested[0]]))
    assert found.pred_instances.masks.shape[1:] == (64, 64)
