"""noisyseg: a noisy-label benchmark suite and experiment runner for instance segmentation."""

__version__ = "0.2.0"
