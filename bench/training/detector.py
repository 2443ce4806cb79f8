"""From a model's data (YAML) to an initialised mmdet detector."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from mmdet.models.backbones import MobileNetV2
from mmdet.registry import MODELS
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from noisyseg.bench.training.batched.placement import batch_passes
from noisyseg.bench.training.checkpoint import UNREADABLE
from noisyseg.bench.training.weight_average import check_averageable
from noisyseg.errors import InputError

_MOBILENET_STAGES = 7
# What mmdet raises for a part, a setting or a value that it does not know.
_MISTAKES = (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def build_detector(
    detector: dict[str, Any],
    *,
    num_classes: int,
    seed: int,
    weights: Path | None,
    batched: bool = True,
) -> nn.Module:
    """An mmdet detector with weights drawn from seed, its backbone's read from a file if given.

    Args:
        detector: mmdet's configuration.
        num_classes: of objects.
        seed: of the weights.
        weights: the backbone's file.
        batched: whether it trains on all images of a pass at once, where its parts are covered;
            else image by image, as mmdet does.

    Raises:
        InputError: the weights file is unreadable, or is not this backbone's.
    """
    torch.manual_seed(seed)
    model = _assemble(detector, num_classes)
    with DefaultScope.overwrite_default_scope("mmdet"):
        model.init_weights()
    if weights is not None:
        load_backbone(model.backbone, weights)
    freeze_last_convolution(model.backbone)
    # To a GPU, whose own order of work is all that needs to be kept.
    model.data_preprocessor._non_blocking = True
    if batched:
        batch_passes(model)
    return model


def check_detector(
    detector: dict[str, Any],
    *,
    name: str,
    num_classes: int,
    weights: Path | None,
    averaged: bool = False,
) -> None:
    """Build a detector and read its weights once, so that a mistake shows before any run starts.

    Args:
        detector: mmdet's configuration.
        name: of the model, for messages.
        num_classes: of objects.
        weights: the backbone's file.
        averaged: whether its weights are to be averaged over epochs.

    Raises:
        InputError: a part or a setting that mmdet does not know, weights that do not fit, or a
            detector whose weights cannot be averaged.
    """
    model = _buildable(detector, num_classes, name)
    if weights is not None:
        load_backbone(model.backbone, weights)
    if averaged:
        check_averageable(model, name=name)


def checkpoint_bytes(
    detector: dict[str, Any], *, name: str, num_classes: int, optimizer: str, averaged: bool = False
) -> int:
    """The size of a training's checkpoint: every tensor, the optimizer's state, sums if averaged.

    Raises:
        InputError: a part or a setting that mmdet does not know, or a detector whose weights cannot
            be averaged and are to be.
    """
    with torch.device("meta"):
        model = _buildable(detector, num_classes, name)
    if averaged:
        check_averageable(model, name=name)
    model.train()  # which freezes what stays frozen
    freeze_last_convolution(model.backbone)
    states = {"SGD": 1, "AdamW": 2}[optimizer]  # momentum; first and second moment
    states += averaged
    own = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    trained = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    return own + states * trained


def _buildable(detector: dict[str, Any], num_classes: int, name: str) -> Any:
    try:
        return _assemble(detector, num_classes)
    except _MISTAKES as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"model {name}: mmdet cannot build its detector: {type(error).__name__}: {reason}. "
            "Check the names of its parts and of their settings against mmdet's."
        ) from error


def _assemble(detector: dict[str, Any], num_classes: int) -> Any:
    config = deepcopy(detector)
    for part in ("bbox_head", "mask_head"):
        heads = config["roi_head"][part]  # a cascade has a list of them
        for head in heads if isinstance(heads, list) else [heads]:
            head["num_classes"] = num_classes
    with DefaultScope.overwrite_default_scope("mmdet"):
        return MODELS.build(ConfigDict(config))


def freeze_last_convolution(backbone: nn.Module) -> None:
    """Let a MobileNetV2 whose stages are all frozen be frozen whole.

    mmdet leaves out the convolution behind the last stage, and freezes the stages no earlier than
    at the first call of `train`, when an optimizer has been given them already.
    """
    if isinstance(backbone, MobileNetV2) and backbone.frozen_stages == _MOBILENET_STAGES:
        backbone.requires_grad_(False)


def load_backbone(backbone: nn.Module, path: Path) -> None:
    """Read a backbone's weights from a state dict, never unpickling anything but tensors.

    Raises:
        InputError: unreadable file, or backbone parameters that the file lacks or has in
            another shape. Classifier weights that the backbone has no use for are left out.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"no weights file at {path}.") from error
    except UNREADABLE as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{path} cannot be read as weights: {reason}. Wanted: a PyTorch state dict that "
            "torch.load reads with weights_only=True."
        ) from error
    state = _tensors(state)
    own = backbone.state_dict()
    # Counters of BatchNorm are no weights, and older files lack them.
    wanted = {name for name in own if not name.endswith("num_batches_tracked")}
    found = {name for name in wanted & state.keys() if own[name].shape == state[name].shape}
    if found != wanted:
        example = sorted(wanted - found)[0]
        raise InputError(
            f"{path} holds {len(found)} of the backbone's {len(wanted)} tensors (missing or of "
            f"another shape: {example}, …). Wanted: weights of mmdet's {type(backbone).__name__}."
        )
    backbone.load_state_dict({name: state[name] for name in own if name in state}, strict=False)


def _tensors(state: Any) -> dict[str, Tensor]:
    """A state dict's tensors by name; it may lie under the key `state_dict`, as mmdet saves it."""
    inner = state.get("state_dict", state) if isinstance(state, dict) else None
    entries = inner.items() if isinstance(inner, dict) else ()
    return {name: value for name, value in entries if isinstance(value, Tensor)}
