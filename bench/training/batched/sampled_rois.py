"""Average RoIAlign as a product with a sparse matrix, many times faster than loops on a CPU.

RoIAlign samples a map bilinearly and averages the samples of a bin (He et al., ICCV 2017, section
3): every bin is a weighted sum of a few pixels. So the features of all RoIs, of all levels, are one
sparse matrix times the maps' pixels, and the gradient is its transpose times the features'.
N RoIs, B images, C channels, L levels, P × Q bins, R × R samples a bin; a tap is a pixel that a
sample reads, two along each axis.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from mmcv.ops import RoIAlign
from scipy import sparse
from torch import Tensor
from torch.autograd.function import once_differentiable

Array = np.ndarray[Any, Any]


def takes_products(layers: Sequence[Any], features: Sequence[Tensor]) -> bool:
    """Whether the RoIs of these maps can be had by a product: on a CPU, by samples of one number.

    Args:
        layers: what pools each level.
        features: the levels' maps.
    """
    return all(
        type(layer) is RoIAlign
        and layer.pool_mode == "avg"
        and layer.sampling_ratio > 0  # not as many samples as a RoI has pixels
        and (layer.output_size, layer.sampling_ratio, layer.aligned)
        == (layers[0].output_size, layers[0].sampling_ratio, layers[0].aligned)
        for layer in layers
    ) and all(
        feature.device.type == "cpu" and feature.dtype in (torch.float32, torch.float64)
        for feature in features
    )


def sampled_rois(
    layers: Sequence[Any], features: Sequence[Tensor], rois: Tensor, levels: Tensor
) -> Tensor:
    """The features of each RoI from its level.

    Args:
        layers: mmcv's RoIAlign of each level.
        features: maps of each level, shapes (B, C, H, W).
        rois: (image index, x1, y1, x2, y2), shape (N, 5).
        levels: of each RoI, shape (N,).

    Returns:
        Shape (N, C, P, Q), of the channels-last memory format.
    """
    layer, channels = layers[0], features[0].shape[1]
    boxes, level = rois.detach().numpy(), levels.numpy()
    sizes = np.array([feature.shape[2:] for feature in features])
    areas = sizes.prod(1) * len(features[0])
    scales = np.array([layer.spatial_scale for layer in layers], dtype=boxes.dtype)[level]
    rows = _axis(boxes[:, 2], boxes[:, 4], scales, sizes[level, 0], layer.output_size[0], layer)
    columns = _axis(boxes[:, 1], boxes[:, 3], scales, sizes[level, 1], layer.output_size[1], layer)
    widths = sizes[level, 1]
    begins = (np.cumsum(areas) - areas)[level]  # of the level's pixels among all
    begins += boxes[:, 0].astype(np.int64) * sizes[level].prod(1)
    rows = replace(rows, pixels=begins[:, None] + rows.pixels * widths[:, None])
    matrix = _matrix(rows, columns, layer, pixels=int(areas.sum()))
    pixels = torch.cat([map_.permute(0, 2, 3, 1).reshape(-1, channels) for map_ in features])
    bins: Tensor = _Product.apply(pixels, matrix)
    return bins.view(len(rois), *layer.output_size, channels).permute(0, 3, 1, 2)


@dataclass(kw_only=True, slots=True, frozen=True)
class _Taps:
    """What the bins of an axis take: two neighbours for each sample.

    Attributes:
        pixels: their numbers, shape (N, bins · 2 R).
        weights: their parts of a bin, of the same shape.
    """

    pixels: Array
    weights: Array


class _Product(torch.autograd.Function):
    """A constant sparse matrix times a tensor."""

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, matrix: Any) -> Tensor:
        ctx.matrix = matrix
        return torch.from_numpy(matrix @ pixels.numpy())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return torch.from_numpy(ctx.matrix.T @ gradient.numpy()), None


def _matrix(rows: _Taps, columns: _Taps, layer: Any, *, pixels: int) -> sparse.csr_array:
    """What each pixel gives to each bin, shape (N · P · Q, pixels).

    Args:
        rows: where the first pixel of each bin's rows lies among all pixels.
        columns: to be added to that.
        layer: how RoIs are divided.
        pixels: the number of all.
    """
    taps = 2 * layer.sampling_ratio
    down, across = _pairs(*layer.output_size, taps)
    places = rows.pixels.astype(np.int32)[:, down] + columns.pixels.astype(np.int32)[:, across]
    weights = rows.weights[:, down] * columns.weights[:, across]
    ends = np.arange(0, places.size + 1, taps**2, dtype=np.int32)
    return sparse.csr_array(
        (weights.reshape(-1), places.reshape(-1), ends), shape=(len(ends) - 1, pixels)
    )


@cache
def _pairs(height: int, width: int, taps: int) -> tuple[Array, Array]:
    """Which of an axis' taps down and across make up each bin's pixels, bin after bin.

    Two index arrays of P · Q · taps² elements: indexing is five times as fast as broadcasting here.
    """
    row, column, down, across = np.indices((height, width, taps, taps)).reshape(4, -1)
    return row * taps + down, column * taps + across


# An endless box has samples that are no numbers, which count nothing.
@np.errstate(over="ignore", invalid="ignore")
def _axis(low: Array, high: Array, scales: Array, sizes: Array, bins: int, layer: Any) -> _Taps:
    """The pixels of an axis that give to each of its bins, and how much.

    By torchvision's rules: a sample more than a pixel outside of the map counts nothing, others are
    moved to its border.

    Args:
        low, high: ends of each RoI, shape (N,).
        scales: map pixels per RoI unit, shape (N,).
        sizes: pixels of the map of each RoI along the axis, shape (N,).
        bins: P or Q.
        layer: how RoIs are divided.
    """
    ratio, kind = layer.sampling_ratio, low.dtype.type
    shift = kind(0.5 if layer.aligned else 0)
    start = low * scales - shift
    extent = high * scales - shift - start
    if not layer.aligned:
        extent = extent.clip(min=1)
    length = (extent / kind(bins))[:, None]
    steps = np.arange(bins * ratio)
    within = (steps % ratio + kind(0.5)).astype(kind)
    samples = (
        start[:, None] + (steps // ratio).astype(kind) * length + within * length / kind(ratio)
    )
    last = (sizes - 1)[:, None]
    inside = (samples >= -1) & (samples <= last + 1)
    samples = np.where(inside, samples, 0).clip(0, last.astype(kind))
    first = samples.astype(np.int64)
    second = samples - first
    pixels = np.stack([first, np.minimum(first + 1, last)], axis=-1)
    weights = np.stack([1 - second, second], axis=-1) * (inside / kind(ratio))[..., None]
    shape = (len(low), bins * 2 * ratio)
    return _Taps(pixels=pixels.reshape(shape), weights=weights.astype(kind).reshape(shape))
