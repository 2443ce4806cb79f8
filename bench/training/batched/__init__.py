"""A pass of images through mmdet's two-stage detectors without a loop over images."""
