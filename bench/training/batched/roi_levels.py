"""mmdet's RoI extractor for features of several levels, asking the device once how many each has.

N RoIs, L levels.
"""

from typing import Any, cast

import torch
from torch import Tensor

from noisyseg.bench.training.batched.sampled_rois import sampled_rois, takes_products


class LevelledRoIs:
    """What is put before mmdet's SingleRoIExtractor: the same features and gradients."""

    def forward(
        self, feats: tuple[Tensor, ...], rois: Tensor, roi_scale_factor: float | None = None
    ) -> Tensor:
        """The features of each RoI from the level that fits its size.

        Args:
            feats: features of each level.
            rois: (image index, x1, y1, x2, y2), shape (N, 5).
            roi_scale_factor: mmdet's; where there is one, mmdet's own way is taken.
        """
        extractor = cast(Any, self)
        products = takes_products(extractor.roi_layers, feats)
        if (products or len(feats) > 1) and len(rois) and roi_scale_factor is None:
            rois = rois.type_as(feats[0])
            levels = extractor.map_roi_levels(rois, len(feats))
            counts = _counts(levels, len(feats))
            if sum(counts) == len(rois):  # not of boxes that are no numbers
                if products:
                    return sampled_rois(extractor.roi_layers, feats, rois, levels)
                return _by_level(extractor.roi_layers, feats, rois, levels, counts)
        found: Tensor = super().forward(feats, rois, roi_scale_factor)  # type: ignore[misc]
        return found


def _counts(levels: Tensor, most: int) -> list[int]:
    numbers = torch.arange(most, device=levels.device)
    counts: list[int] = (levels[:, None] == numbers).sum(0).tolist()
    return counts


def _by_level(
    layers: Any, feats: tuple[Tensor, ...], rois: Tensor, levels: Tensor, counts: list[int]
) -> Tensor:
    if max(counts) == len(rois):
        level = counts.index(len(rois))
        only: Tensor = layers[level](feats[level], rois)
        return only
    order = levels.argsort(stable=True)
    parts = zip(layers, feats, torch.split(rois[order], counts), strict=False)
    found = torch.cat([layer(feat, part) for layer, feat, part in parts if len(part)])
    places = torch.empty_like(order)
    places[order] = torch.arange(len(order), device=order.device)
    return found[places]
