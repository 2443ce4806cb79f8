"""Everything that touches mmdet, mmcv and mmengine."""
