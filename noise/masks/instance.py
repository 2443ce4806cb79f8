"""One annotated instance, as geometry noise sees and redraws it.

pycocotools is imported where it is called: a list of the types does not need it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from noisyseg.mask_overlap import RunLengths, as_text, has_mask, run_lengths
from noisyseg.noise.masks.polygons import Points, clip_polygon, flat_of, polygon_area
from noisyseg.noise.masks.raster import Crop, put_back

Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels."""

_FEWEST_VERTICES = 3
_LEAST_AREA = 1e-6  # px²; corners at hundredths of a pixel span 0.00005 or nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """An instance's geometry.

    Attributes:
        number: annotation id.
        height, width: of its image, in pixels.
        segmentation: as in the file, polygons or run lengths; None if it has none.
        mask: what the segmentation covers.
        box: the annotation's `bbox`.
    """

    number: int
    height: int
    width: int
    segmentation: Any
    mask: RunLengths | None
    box: Box

    @classmethod
    def of(cls, annotation: Mapping[str, Any], height: int, width: int) -> "Instance":
        """The instance of an annotation.

        Raises:
            InputError: a segmentation that is neither polygons nor run lengths of the image's size.
        """
        masked = has_mask(annotation)
        left, top, across, down = annotation["bbox"]
        return cls(
            number=annotation["id"],
            height=height,
            width=width,
            segmentation=annotation["segmentation"] if masked else None,
            mask=run_lengths(annotation, height, width) if masked else None,
            box=(left, top, across, down),
        )

    def with_raster(self, crop: Crop) -> "Instance | None":
        """The instance with this mask, as compressed run lengths; None if that has no pixel."""
        if not crop.raster.any():
            return None
        mask = put_back(crop, self.height, self.width)
        return self._with(as_text(mask), mask)

    def with_polygons(self, polygons: Sequence[Points]) -> "Instance | None":
        """The instance with these polygons, cut at the image; None if they cover no pixel.

        Polygons of fewer than three vertices or without an area are left out.
        """
        from pycocotools import mask as coco_mask

        cut = [clip_polygon(points, self.height, self.width) for points in polygons]
        solid = [p for p in cut if len(p) >= _FEWEST_VERTICES and polygon_area(p) > _LEAST_AREA]
        if not solid:
            return None
        flat = flat_of(solid)
        mask = coco_mask.merge(coco_mask.frPyObjects(flat, self.height, self.width))
        return self._with(flat, mask) if coco_mask.area(mask) else None

    def _with(self, segmentation: Any, mask: RunLengths) -> "Instance":
        from pycocotools import mask as coco_mask

        left, top, across, down = coco_mask.toBbox(mask).tolist()
        return replace(self, segmentation=segmentation, mask=mask, box=(left, top, across, down))


def overlap_of(one: Instance, other: Instance) -> float:
    """IoU of the masks; of the boxes if there are no masks, or one and the same."""
    from pycocotools import mask as coco_mask

    if one.mask is None or other.mask is None or one.mask is other.mask:
        return float(coco_mask.iou([list(one.box)], [list(other.box)], [0])[0, 0])
    return float(coco_mask.iou([one.mask], [other.mask], [0])[0, 0])
