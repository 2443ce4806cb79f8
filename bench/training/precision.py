"""What a protocol says of arithmetic: TF32 or not, bfloat16 in the layers, and memory's order.

The training loop and the prediction use it alike: `computing` around the whole, and `layers`
around each forward pass. Parameters, gradients and losses are float32 in every precision.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

# Parts of a detector whose outputs go into losses or become detections.
_HEADS = ("rpn_head", "bbox_head", "mask_head")
# mmdet rounds boxes to the type of the features: in bfloat16 to multiples of 4 beyond 512 pixels.
_EXTRACTORS = ("bbox_roi_extractor", "mask_roi_extractor")


@contextmanager
def computing(detector: Any, protocol: Mapping[str, Any]) -> Iterator[None]:
    """Let a detector compute as the protocol says, until the end; then nothing is left of it.

    Args:
        detector: mmdet's, on its device.
        protocol: resolved; `precision` and `memory_format` are left out where they are defaults.
    """
    with ExitStack() as stack:
        stack.enter_context(_tf32(protocol.get("precision", "tf32") != "fp32"))
        if protocol.get("memory_format") == "channels-last":
            detector.to(memory_format=torch.channels_last)
            hook = detector.backbone.register_forward_pre_hook(_channels_last)
            stack.callback(hook.remove)
        if protocol.get("precision") == "bf16":
            for hook in _float32_hooks(detector):
                stack.callback(hook.remove)
        yield


def layers(protocol: Mapping[str, Any], device: torch.device) -> AbstractContextManager[Any]:
    """The context of a forward pass, in which layers compute in the protocol's precision."""
    if protocol.get("precision") == "bf16":
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    """TF32 in convolutions or nowhere; torch keeps this by process, and other runs follow."""
    backends: tuple[Any, ...] = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [backend.allow_tf32 for backend in backends]
    wanted = [allowed, False]
    try:
        for backend, value in zip(backends, wanted, strict=True):
            backend.allow_tf32 = value
        yield
    finally:
        for backend, value in zip(backends, before, strict=True):
            backend.allow_tf32 = value


def _channels_last(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    images, *rest = inputs
    return images.contiguous(memory_format=torch.channels_last), *rest


def _float32_hooks(detector: nn.Module) -> Iterator[RemovableHandle]:
    for name, module in detector.named_modules():
        parts = name.split(".")  # a cascade has a list of heads: roi_head.bbox_head.0
        own = parts[-2] if parts[-1].isdigit() and len(parts) > 1 else parts[-1]
        if isinstance(module, nn.ModuleList):
            continue
        if own in _HEADS:
            yield module.register_forward_hook(_float32_outputs)
        elif own in _EXTRACTORS:
            yield module.register_forward_pre_hook(_float32_inputs)


def _float32_outputs(_module: nn.Module, _inputs: Any, outputs: Any) -> Any:
    return _mapped(outputs, lambda tensor: tensor.float())


def _float32_inputs(_module: nn.Module, inputs: tuple[Any, ...]) -> Any:
    return _mapped(inputs, lambda tensor: tensor.float())


def _mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The change made to every tensor of floats in nested tuples and lists."""
    if isinstance(value, Tensor):
        return change(value) if value.is_floating_point() else value
    if isinstance(value, tuple | list):
        return type(value)(_mapped(entry, change) for entry in value)
    return value
