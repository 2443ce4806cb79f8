"""The extra `train`: what trains, which noise and results do without."""

PACKAGES = ("torch", "torchvision", "mmdet", "mmcv", "mmengine", "ray")
"""What it brings, by the names that are imported."""


def is_missing(error: ImportError) -> bool:
    """Whether an import failed because a package of the extra is not installed."""
    return isinstance(error, ModuleNotFoundError) and error.name in PACKAGES
