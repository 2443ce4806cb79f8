"""A pass at once equals mmdet's, image by image, given the same random draws."""

from collections import Counter
from copy import deepcopy

import pytest
import torch
from mmdet.models.detectors.two_stage import TwoStageDetector
from mmdet.structures.mask import BitmapMasks
from torch.utils._python_dispatch import TorchDispatchMode

from noisyseg.bench.training.batched import anchors, mask_targets, matching, proposals
from noisyseg.errors import InputError

SQUARE = [(96, 96)] * 4
ODD = [(70, 96), (96, 64), (50, 51), (33, 95)]


def with_rpn(**settings):
    return {"train_cfg": {"rpn": settings}}


def with_rcnn(**settings):
    return {"train_cfg": {"rcnn": settings}}


# Few RoIs an image: the heads of 256 channels are most of the time.
R50 = ("mask-rcnn-r50-fpn", with_rcnn(sampler={"num": 48}))
LEGACY = ("mask-rcnn-r50-fpn-legacy", with_rcnn(sampler={"num": 48}))


def assert_same_targets(ours, theirs):
    for name in ("box targets", "mask targets", "annotation ids"):
        torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=0)


def assert_equal(ours, theirs):
    """Targets bit for bit; losses and gradients but for the order of their sums."""
    assert_same_targets(ours, theirs)
    torch.testing.assert_close(ours["losses"], theirs["losses"], rtol=1e-6, atol=1e-6)
    assert ours["gradients"].keys() == theirs["gradients"].keys()
    for name, gradient in theirs["gradients"].items():
        scale = max(gradient.abs().max().item(), 1e-3)
        torch.testing.assert_close(ours["gradients"][name], gradient, rtol=0, atol=2e-6 * scale)


@pytest.mark.parametrize(
    ("source", "sizes", "counts"),
    [
        ("mask-rcnn-tiny", SQUARE, [3, 5, 1, 2]),
        ("mask-rcnn-tiny", ODD, [3, 0, 40, 1]),
        ("mask-rcnn-tiny", ODD[:2], [0, 0]),
        ("mask-rcnn-tiny", ODD[:1], [7]),
        ("mask-rcnn-mobilenetv2", ODD, [2, 4, 0, 9]),
        (R50, ODD[:3], [2, 0, 20]),
        pytest.param(LEGACY, ODD[:3], [3, 0, 20], marks=pytest.mark.long),
    ],
)
def test_a_shipped_models_pass_is_mmdets(compared, drawn_batch, source, sizes, counts):
    ours, theirs = compared(source, drawn_batch(sizes, counts))
    assert_equal(ours, theirs)
    positives = (ours["annotation ids"] >= 0).sum()
    assert positives == len(ours["mask targets"][0][0]) if sum(counts) else positives == 0


@pytest.mark.parametrize("seed", range(8))
def test_drawn_worlds(compared, drawn_batch, seed):
    generator = torch.Generator().manual_seed(seed)
    images = int(torch.randint(1, 6, (), generator=generator))
    sizes = torch.randint(33, 130, (images, 2), generator=generator).tolist()
    counts = torch.randint(0, 12, (images,), generator=generator).tolist()
    assert_equal(*compared("mask-rcnn-tiny", drawn_batch(sizes, counts, seed=seed)))


@pytest.mark.parametrize(
    ("source", "sizes", "counts"),
    [
        ("mask-rcnn-tiny", SQUARE, [3, 5, 1, 2]),
        ("mask-rcnn-tiny", ODD, [3, 0, 40, 1]),
        ("mask-rcnn-mobilenetv2", ODD, [2, 4, 0, 9]),
        (LEGACY, ODD[:3], [3, 0, 20]),
    ],
)
def test_rois_by_products_change_no_more_than_rounding(
    compared, drawn_batch, source, sizes, counts
):
    ours, theirs = compared(source, drawn_batch(sizes, counts), products=True)
    assert_same_targets(ours, theirs)
    torch.testing.assert_close(ours["losses"], theirs["losses"], rtol=1e-5, atol=1e-5)
    # Of all gradients together: where a ReLU's input is nearly 0, rounding may open or close it.
    found, wanted = (
        torch.cat([gradient.flatten() for _, gradient in sorted(way["gradients"].items())])
        for way in (ours, theirs)
    )
    assert (found - wanted).norm() < 1e-4 * wanted.norm()


@pytest.mark.parametrize(
    "source",
    [
        with_rpn(allowed_border=0),
        with_rpn(allowed_border=20, assigner={"match_low_quality": False}),
        with_rpn(sampler={"num": 7, "pos_fraction": 0.3}),
        with_rcnn(sampler={"num": 5}),
        with_rcnn(assigner={"match_low_quality": False, "neg_iou_thr": 0.3}),
        {"train_cfg": {"rpn_proposal": {"min_bbox_size": 9}}},
        {"train_cfg": {"rpn_proposal": {"nms_pre": 5, "max_per_img": 7}}},
        {"roi_head": {"bbox_head": {"reg_class_agnostic": True}}},
    ],
)
def test_settings_that_are_covered(compared, drawn_batch, source):
    assert_equal(*compared(source, drawn_batch(ODD, [3, 0, 15, 1])))


def test_masks_may_come_as_tensors(detector_of, drawn_batch):
    found = []
    for as_tensors in (False, True):
        detector, _ = detector_of("mask-rcnn-tiny", batched=True)
        data = detector.data_preprocessor(drawn_batch(ODD, [3, 1, 2, 4]), training=True)
        for sample in data["data_samples"]:
            if as_tensors:  # as large as the image: what is beyond it is padding
                height, width = sample.img_shape
                masks = torch.from_numpy(sample.gt_instances.masks.masks)
                sample.gt_instances.masks = masks[:, :height, :width]
            else:
                assert isinstance(sample.gt_instances.masks, BitmapMasks)
        torch.manual_seed(1)
        found.append(detector(**data, mode="loss")["loss_mask"])
    assert torch.equal(*found)


# What a larger pass, or a GPU, does otherwise


def losses_of(built, batch):
    detector, (loss,) = built
    data = detector.data_preprocessor(deepcopy(batch), training=True)
    loss.gt_annotation_ids = [s.gt_instances.annotation_ids for s in data["data_samples"]]
    torch.manual_seed(1)
    return detector.parse_losses(detector(**data, mode="loss"))[1]


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (matching, "_LARGEST", 1),
        (matching, "_LARGEST", 2 * 15 * 1100),
        (mask_targets, "_LARGEST", 1),
        (mask_targets, "_LARGEST", 20 * 96 * 96),
        (proposals, "_is_one_call", lambda boxes: True),
    ],
)
def test_a_pass_in_parts_and_a_suppression_in_one_call_change_nothing(
    detector_of, drawn_batch, monkeypatch, module, name, value
):
    built, batch = detector_of("mask-rcnn-tiny", batched=True), drawn_batch(ODD, [3, 0, 15, 1])
    whole = losses_of(built, batch)
    monkeypatch.setattr(module, name, value)
    torch.testing.assert_close(losses_of(built, batch), whole, rtol=0, atol=0)


def test_anchors_of_few_sizes_are_kept(detector_of, monkeypatch):
    monkeypatch.setattr(anchors, "_KEPT", 2)
    detector, _ = detector_of("mask-rcnn-tiny", batched=True)
    store = anchors.AnchorStore(detector.rpn_head.prior_generator)
    sizes = [tuple((side // n, side // n) for n in (1, 2, 4, 8)) for side in (8, 16, 24)]
    first, second = (store.get(size, torch.device("cpu")) for size in sizes[:2])
    assert store.get(sizes[0], torch.device("cpu")) is first
    store.get(sizes[2], torch.device("cpu"))
    assert store.get(sizes[0], torch.device("cpu")) is first
    assert store.get(sizes[1], torch.device("cpu")) is not second


def test_an_image_in_which_no_anchor_lies_is_named(detector_of, drawn_batch):
    built = detector_of(with_rpn(allowed_border=0), batched=True)
    with pytest.raises(InputError, match="no anchor of the RPN lies inside one of the images"):
        losses_of(built, drawn_batch([(64, 64), (9, 9)], [1, 0]))


# What is not covered is left to mmdet


def own_parts(detector):
    parts = {"rpn": detector.rpn_head, "roi": detector.roi_head, "all": detector}
    return {name for name, part in parts.items() if "batched" in type(part).__mro__[1].__module__}


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("mask-rcnn-tiny", {"rpn", "roi", "all"}),
        ("mask-rcnn-mobilenetv2", {"rpn", "roi", "all"}),
        ("mask-rcnn-r50-fpn-legacy", {"rpn", "roi", "all"}),
        (with_rpn(assigner={"ignore_iof_thr": 0.5}), {"roi", "all"}),
        (with_rpn(assigner={"gt_max_assign_all": False}), {"roi", "all"}),
        (with_rpn(sampler={"neg_pos_ub": 3}), {"roi", "all"}),
        (with_rpn(pos_weight=2.0), {"roi", "all"}),
        (with_rcnn(pos_weight=2.0), {"rpn", "all"}),
        (with_rcnn(sampler={"add_gt_as_proposals": False}), {"rpn", "all"}),
        (with_rcnn(soft_mask_target=True), {"rpn", "all"}),
        ({"data_preprocessor": {"pad_mask": False}}, {"rpn", "all"}),
    ],
)
def test_a_part_whose_settings_are_not_covered_goes_mmdets_way(
    detector_of, drawn_batch, source, parts
):
    detector, losses = detector_of(source, batched=True)
    assert own_parts(detector) == parts
    assert type(detector).__name__ == "MaskRCNN"
    values = losses_of((detector, losses), drawn_batch(ODD[:2], [3, 2]))
    assert values["loss"].isfinite()
    assert {"loss_rpn_cls", "loss_rpn_bbox", "loss_cls", "loss_bbox", "loss_mask"} <= values.keys()


def test_mmdets_own_way_is_had_by_asking_for_it(detector_of):
    detector, _ = detector_of("mask-rcnn-tiny", batched=False)
    assert own_parts(detector) == set()
    assert type(detector).loss is TwoStageDetector.loss


def test_no_tensor_is_added_to_a_checkpoint(detector_of, drawn_batch):
    detector, _ = detector_of("mask-rcnn-tiny", batched=True)
    names = set(detector.state_dict())
    data = detector.data_preprocessor(drawn_batch(ODD[:2], [3, 2]), training=True)
    detector(**data, mode="loss")
    assert set(detector.state_dict()) == names


# How much a device is asked to do


class Calls(TorchDispatchMode):
    """Counts operators."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function._schema.name.removeprefix("aten::")
        flags = {torch.bool, torch.uint8}
        by_flags = name in ("index", "index_put_") and any(
            place is not None and place.dtype in flags for place in args[1]
        )
        self.counts["index by flags" if by_flags else name] += 1
        return function(*args, **(kwargs or {}))


WAITS = ("_local_scalar_dense", "nonzero", "index by flags", "masked_select", "is_nonzero")


def calls(detector, loss, batch):
    data = detector.data_preprocessor(deepcopy(batch), training=True)
    loss.gt_annotation_ids = [s.gt_instances.annotation_ids for s in data["data_samples"]]
    with Calls() as counted:
        detector(**data, mode="loss")
    return counted.counts


@pytest.mark.parametrize(
    "source", ["mask-rcnn-tiny", "mask-rcnn-mobilenetv2", pytest.param(R50, marks=pytest.mark.long)]
)
def test_sixteen_images_are_a_third_of_mmdets_calls_and_no_more_waits_than_two(
    detector_of, drawn_batch, source
):
    few, many = (drawn_batch([(64, 64)] * images, [4] * images) for images in (2, 16))
    detector, (loss,) = detector_of(source, batched=True)
    ours = [calls(detector, loss, batch) for batch in (few, many)]
    plain, (loss,) = detector_of(source, batched=False)
    theirs = calls(plain, loss, many)
    assert ours[1].total() <= 2830
    assert ours[1].total() <= theirs.total() / 3
    waits = [{name: counts[name] for name in WAITS} for counts in ours]
    assert waits[1] == waits[0]
    assert sum(waits[0].values()) < 25
    assert not any("unique" in name for name in ours[1])
