"""Passes of drawn images, gone through by mmdet image by image and by ours at once."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData

from noisyseg.bench.config.model import load_model
from noisyseg.bench.training.batched import roi_levels
from noisyseg.bench.training.box_heads import put_method
from noisyseg.bench.training.detector import build_detector
from noisyseg.methods.registry import resolve

CLASSES = 3


def detector_of(source, *, batched):
    """A shipped model, with random weights and cross entropy put in.

    Args:
        source: its name, what differs from mask-rcnn-tiny's detector, or a name and changes.
        batched: whether a pass is gone through at once.
    """
    if not isinstance(source, tuple):
        source = (source, {}) if isinstance(source, str) else ("mask-rcnn-tiny", source)
    name, changes = source
    model = load_model(name, where="", root=Path(), random_weights=True)
    detector = merged(model.detector, changes)
    built = build_detector(detector, num_classes=CLASSES, seed=0, weights=None, batched=batched)
    spread(built)
    losses = put_method(built, resolve("ce", {}), num_epochs=1)
    return built.train(), losses


def merged(settings, changes):
    found = dict(settings)
    for key, value in changes.items():
        found[key] = merged(found[key], value) if isinstance(value, dict) else value
    return found


def spread(detector):
    """Let fresh heads say something: scores and boxes that differ from place to place."""
    generator = torch.Generator().manual_seed(3)
    for name in ("rpn_cls", "rpn_reg"):
        weight = getattr(detector.rpn_head, name).weight
        weight.data = 0.3 * torch.randn(weight.shape, generator=generator)


def drawn_batch(sizes, counts, *, seed=0):
    """Images of these (height, width) with so many objects, as the loader hands them over."""
    generator = np.random.default_rng(seed)
    inputs, samples = [], []
    for number, ((height, width), count) in enumerate(zip(sizes, counts, strict=True)):
        inputs.append(
            torch.from_numpy(generator.integers(0, 255, (3, height, width), dtype=np.uint8))
        )
        samples.append(_drawn_sample(generator, height, width, count, number))
    return {"inputs": inputs, "data_samples": samples}


def _drawn_sample(generator, height, width, count, number):
    corners = generator.uniform(0, 0.7, (count, 2)) * (width, height)
    extents = generator.uniform(0.08, 0.6, (count, 2)) * (width, height)
    ends = np.minimum(corners + extents, (width, height))
    boxes = np.concatenate([corners, ends], 1).astype(np.float32)
    masks = np.zeros((count, height, width), dtype=np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.round().astype(int), strict=True):
        mask[y1:y2, x1:x2] = generator.integers(0, 2, (y2 - y1, x2 - x1)) | 1
        mask[y1 : (y1 + y2) // 2, x1 : (x1 + x2) // 2] = 0
    objects = InstanceData(
        bboxes=torch.from_numpy(boxes),
        labels=torch.from_numpy(generator.integers(0, CLASSES, count)),
        masks=BitmapMasks(masks, height, width),
        annotation_ids=torch.arange(count) + 100 * number,
    )
    crowd = InstanceData(bboxes=torch.tensor([[0.0, 0.0, 20.0, 20.0]]), labels=torch.tensor([0]))
    sample = DetDataSample(metainfo={"img_shape": (height, width)}, gt_instances=objects)
    sample.ignored_instances = crowd
    return sample


class SameDraws:
    """Lets mmdet's samplers choose by the keys that ours has drawn."""

    def __init__(self, monkeypatch):
        self.drawn = []
        original = torch.rand

        def rand(*args, **kwargs):
            self.drawn.append(original(*args, **kwargs))
            return self.drawn[-1]

        monkeypatch.setattr(torch, "rand", rand)

    def give_to(self, detector, data):
        """The first keys go to the RPN's sampler, the second to the RoI head's."""
        keys, roi_keys = (iter(drawn) for drawn in self.drawn)
        most = max(1, *(len(sample.gt_instances) for sample in data["data_samples"]))
        height, width = data["inputs"].shape[-2:]
        generator = detector.rpn_head.prior_generator
        sizes = [(-(-height // h), -(-width // w)) for w, h in generator.strides]
        anchors = torch.cat(generator.grid_priors(sizes, device="cpu")).tolist()
        places = {tuple(corners): place for place, corners in enumerate(anchors)}

        def by_anchor(priors, _):
            return torch.tensor([places[tuple(corners)] for corners in priors.tolist()])

        def by_proposal(priors, own):
            here = torch.arange(own + len(priors))
            return torch.where(here < own, here, here - own + most)

        _choose_by(detector.rpn_head.sampler, keys, by_anchor)
        _choose_by(detector.roi_head.bbox_sampler, roi_keys, by_proposal)


def _choose_by(sampler, keys, places):
    sample = sampler.sample

    def told(assigned, predicted, truth, **others):
        own_keys = next(keys)[places(predicted.priors, len(truth.bboxes))]
        sampler.random_choice = lambda gallery, num: gallery[own_keys[gallery].argsort()[:num]]
        return sample(assigned, predicted, truth, **others)

    sampler.sample = told


def listened(part, name):
    """Fills a list with what a part's method is called with and returns."""
    told, original = [], getattr(part, name)

    def listen(*args, **kwargs):
        result = original(*args, **kwargs)
        told.append((args, kwargs, result))
        return result

    setattr(part, name, listen)
    return told


def one_pass(source, batch, draws, *, batched):
    """What a pass gives: losses, gradients, and what the heads and the class loss were told."""
    detector, (loss,) = detector_of(source, batched=batched)
    head = detector.roi_head
    boxes, masks = listened(head.bbox_head, "loss"), listened(head.mask_head.loss_mask, "forward")
    ids = listened(loss, "_context")
    data = detector.data_preprocessor(deepcopy(batch), training=True)
    loss.gt_annotation_ids = [s.gt_instances.annotation_ids for s in data["data_samples"]]
    if not batched:
        draws.give_to(detector, data)
    total, values = detector.parse_losses(detector(**data, mode="loss"))
    total.backward()
    ((_, _, *targets), named, _) = boxes[0]
    return {
        "losses": {name: value.detach() for name, value in values.items()},
        "gradients": {n: p.grad for n, p in detector.named_parameters() if p.grad is not None},
        "box targets": [named.get("rois", *targets[:1]), *targets[-4:]],
        "mask targets": [list(args[1:]) for args, *_ in masks],
        "annotation ids": ids[0][2].annotation_ids,
    }


@pytest.fixture
def compared(monkeypatch):
    """Goes through a pass at once and image by image: returns what each gives.

    RoIs are pooled by mmcv's operator in both, unless it is told otherwise: what then differs is
    not the last bit of every number.
    """

    def compare(source, batch, *, products=False):
        with monkeypatch.context() as patch:
            if not products:
                patch.setattr(roi_levels, "takes_products", lambda *_: False)
            draws = SameDraws(patch)
            return [one_pass(source, batch, draws, batched=batched) for batched in (True, False)]

    return compare


@pytest.fixture(name="detector_of")
def _detector_of():
    return detector_of


@pytest.fixture(name="drawn_batch")
def _drawn_batch():
    return drawn_batch
