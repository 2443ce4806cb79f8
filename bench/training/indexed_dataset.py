"""mmdet's COCO data set, whose annotations stay in their file until an image is asked for.

mmdet parses the whole file and keeps every image's annotations in memory: of COCO's training file a
minute and gigabytes, in each run. Here an index says where they stand; what is made of an image's
annotations is mmdet's own doing.
"""

from pathlib import Path
from typing import Any

import numpy as np
from mmdet.datasets import CocoDataset

from noisyseg.annotation_files.annotation_index import AnnotationIndex, IndexedFile, index_of


class IndexedDataset(CocoDataset):
    """mmdet's `CocoDataset` that reads an image's annotations when it is asked for the image.

    Attributes:
        indexed: the images that are left, in order; None where the file has oddities, and mmdet
            reads it.
    """

    indexed: IndexedFile | None = None
    _fully_initialized: bool

    def full_init(self) -> None:
        """Find out which images the file has; see `BaseDataset`."""
        if self._fully_initialized:
            return
        path = Path(self.ann_file)
        index = index_of(path)
        if index is None:
            super().full_init()
            return
        names = self.metainfo["classes"]
        self.cat_ids = [entry["id"] for entry in index.categories if entry["name"] in names]
        self.cat2label = {number: label for label, number in enumerate(self.cat_ids)}
        self.indexed = IndexedFile(path, index, self._kept(index))
        self._fully_initialized = True

    def _kept(self, index: AnnotationIndex) -> Any:
        """Places of the images that mmdet keeps (`filter_data`, `indices`)."""
        kept = np.ones(len(index.images), dtype=np.bool_)
        if not self.test_mode and self.filter_cfg is not None:
            kept = index.sides >= self.filter_cfg.get("min_size", 0)
            if self.filter_cfg.get("filter_empty_gt", False):
                kept &= index.with_category(self.cat_ids)
        return np.flatnonzero(kept)[: self._indices]

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """What mmdet keeps of an image; see `BaseDataset`."""
        if self.indexed is None:
            return dict(super().get_data_info(idx))
        number = idx if idx >= 0 else len(self) + idx
        image, annotations = self.indexed.entries(number)
        raw = {"raw_img_info": {**image, "img_id": image["id"]}, "raw_ann_info": annotations}
        return {**self.parse_data_info(raw), "sample_idx": number}

    def __len__(self) -> int:
        """The number of images that are left."""
        return int(super().__len__()) if self.indexed is None else len(self.indexed)
