"""mmcv's compiled operators, taken from torchvision where mmcv was installed without them.

mmcv loads `mmcv._ext` and asks for its functions by name. `install` registers a module of that
name which computes what Mask R-CNN needs (NMS and average RoIAlign, on every device torchvision
supports) and refuses the rest, rather than computing something else.
"""

import importlib
import importlib.util
import logging
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Literal, NoReturn

import torch
import torchvision
from torch import Tensor

from noisyseg.errors import InputError

_NAME = "mmcv._ext"
_AVERAGE = 1  # mmcv's pool_mode: 0 for max, 1 for average
_COMPILED = (
    "Install a compiled mmcv: `pip install -U onedl-mim && mim install onedl-mmcv` finds a wheel "
    "where one matches your Python, torch and CUDA; otherwise compile it against the torch you "
    "have: `pip install --force-reinstall --no-deps --no-build-isolation --no-binary onedl-mmcv "
    "onedl-mmcv`."
)

_log = logging.getLogger(__name__)


def install() -> Literal["compiled", "torchvision"]:
    """Make `mmcv.ops` usable: call it before anything imports mmcv.ops or mmdet.

    Compiled operators that are installed are left alone. Calling again changes nothing.

    Returns:
        Whose operators mmcv uses.

    Raises:
        InputError: mmcv is not installed, or its compiled operators do not load.
    """
    present = sys.modules.get(_NAME)
    if present is None and _is_compiled():
        present = _import_compiled()
    if present is None:
        present = sys.modules[_NAME] = _Operators()
        _log.info("mmcv has no compiled operators: using torchvision %s", torchvision.__version__)
    return "torchvision" if isinstance(present, _Operators) else "compiled"


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Non-maximum suppression: drop a box whose IoU with a kept, better one exceeds a threshold.

    Args:
        boxes: corners (x1, y1, x2, y2), shape (N, 4).
        scores: shape (N,).
        iou_threshold: in [0, 1].
        offset: added to widths and heights; 0 only.

    Returns:
        Indices of the kept boxes, best score first, int64.

    Raises:
        InputError: offset other than 0.
    """
    if offset != 0:
        raise InputError(
            f"mmcv operator 'nms' with offset={offset}: torchvision's has offset 0 only. "
            f"Set offset=0 in the model's nms settings. {_COMPILED}"
        )
    dtype = _working_type(boxes)
    kept: Tensor = torchvision.ops.nms(boxes.to(dtype), scores.to(dtype), iou_threshold)
    return kept


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Average RoIAlign, written into `output`.

    Args:
        input: feature maps, shape (B, C, H, W).
        rois: (image index, x1, y1, x2, y2), shape (N, 5).
        output: shape (N, C, aligned_height, aligned_width); overwritten.
        argmax_y: of max pooling; untouched.
        argmax_x: of max pooling; untouched.
        aligned_height: bins per RoI, vertically.
        aligned_width: bins per RoI, horizontally.
        spatial_scale: feature pixels per RoI unit.
        sampling_ratio: samples per bin and axis; 0 for about one a feature pixel.
        pool_mode: 1 (average) only.
        aligned: whether coordinates are shifted by half a pixel.

    Raises:
        InputError: max pooling.
    """
    _refuse_max_pooling(pool_mode)
    dtype = _working_type(input)
    pooled = torch.ops.torchvision.roi_align(
        input.to(dtype),
        rois.to(dtype),
        spatial_scale,
        aligned_height,
        aligned_width,
        sampling_ratio,
        aligned,
    )
    output.copy_(pooled)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Gradient of `roi_align_forward`, added to `grad_input` as mmcv's kernels do.

    Args:
        grad_output: shape (N, C, aligned_height, aligned_width).
        rois: as in the forward call.
        argmax_y: of max pooling; untouched.
        argmax_x: of max pooling; untouched.
        grad_input: shape (B, C, H, W); the gradient is added to it.
        aligned_height: as in the forward call, like all that follow.

    Raises:
        InputError: max pooling.
    """
    _refuse_max_pooling(pool_mode)
    dtype = _working_type(grad_output)
    gradient = torch.ops.torchvision._roi_align_backward(
        grad_output.to(dtype),
        rois.to(dtype),
        spatial_scale,
        aligned_height,
        aligned_width,
        *grad_input.shape,
        sampling_ratio,
        aligned,
    )
    grad_input.add_(gradient)


def _description() -> str:
    """What mmcv's environment report prints in place of a compiler."""
    return f"none (operators of torchvision {torchvision.__version__})"


class _Operators(ModuleType):
    """Stands in for the compiled module: every public name exists, three of them compute."""

    def __init__(self) -> None:
        super().__init__(_NAME, "NMS and RoIAlign from torchvision, in mmcv's calling convention.")
        # Without a spec importlib.util.find_spec raises for a module that is loaded.
        self.__spec__ = ModuleSpec(_NAME, loader=None, origin="torchvision")
        self.__package__ = "mmcv"
        self.__version__ = torchvision.__version__
        self.nms = nms
        self.roi_align_forward = roi_align_forward
        self.roi_align_backward = roi_align_backward
        self.get_compiler_version = _description
        self.get_compiling_cuda_version = _description

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        # mmcv names no operator with an underscore; whoever asks for one (inspect, warnings,
        # pickle, doctest) is looking for a module's own attribute.
        if name.startswith("_"):
            raise AttributeError(f"module {_NAME!r} has no attribute {name!r}")

        def refuse(*_args: object, **_kwargs: object) -> NoReturn:
            raise InputError(
                f"mmcv operator {name!r} is not available: mmcv was installed without compiled "
                "operators, and torchvision stands in for nms and roi_align only. "
                f"Choose a model that does without {name!r}. {_COMPILED}"
            )

        return refuse


def _is_compiled() -> bool:
    """Whether mmcv has an operator module on disk; mmcv itself is not imported for it."""
    package = importlib.util.find_spec("mmcv")
    if package is None:
        raise InputError("mmcv is not installed. Install it: `pip install onedl-mmcv`.")
    return PathFinder.find_spec(_NAME, package.submodule_search_locations) is not None


def _import_compiled() -> ModuleType:
    try:
        return importlib.import_module(_NAME)
    except ImportError as error:
        # Most often: built for another torch. Falling back would hide a broken installation.
        raise InputError(
            f"mmcv's compiled operators are installed but do not load ({error}). {_COMPILED} "
            "Or reinstall it without operators: `pip install --force-reinstall --no-deps "
            "onedl-mmcv`; torchvision's are used then."
        ) from error


def _refuse_max_pooling(pool_mode: int) -> None:
    if pool_mode != _AVERAGE:
        raise InputError(
            f"mmcv operator 'roi_align' with pool_mode={pool_mode} (max pooling): torchvision's "
            f"averages only. Set pool_mode='avg' in the model's RoI layers. {_COMPILED}"
        )


def _working_type(tensor: Tensor) -> torch.dtype:
    """float64 stays; all else is float32: torchvision lacks half types on CPUs."""
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32
