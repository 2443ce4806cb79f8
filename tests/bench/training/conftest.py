"""mmdet, brought up before a test module here imports what needs it; one tiny data set."""

from pathlib import Path

import pytest

from noisyseg.bench.datasets.formats.shapes import ShapesSettings, generate_shapes
from noisyseg.bench.training.stack import load_stack

load_stack()


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 8 training and 4 validation images of 64 × 64 pixels."""
    settings = ShapesSettings(size=64, train_images=8, val_images=4)
    return generate_shapes(tmp_path_factory.mktemp("cache"), settings)


@pytest.fixture(scope="session")
def tiny():
    """Builds the model `mask-rcnn-tiny` for 8 classes."""
    from noisyseg.bench.config.model import load_model
    from noisyseg.bench.training.detector import build_detector

    config = load_model("mask-rcnn-tiny", where="", root=Path()).detector

    def build(seed=0, weights=None, num_classes=8, batched=True):
        return build_detector(
            config, num_classes=num_classes, seed=seed, weights=weights, batched=batched
        )

    return build
