import pickle
from dataclasses import FrozenInstanceError

import pytest
import torch

from noisyseg.methods.context import LossContext


def context(**changes):
    values = {
        "num_classes": 3,
        "epoch": 0,
        "num_epochs": 2,
        "weights": torch.ones(4),
        "annotation_ids": None,
    }
    return LossContext(**{**values, **changes})


def test_noise_matrix_is_absent_unless_granted():
    assert context().noise_matrix is None


@pytest.mark.parametrize(
    ("epoch", "num_epochs", "within", "progress"),
    [
        (0, 12, 0.0, 0.0),
        (0, 12, 0.5, 1 / 24),
        (5, 12, 0.25, 0.4375),
        (3, 4, 0.999, 0.99975),
        (7, 200, 0, 0.035),
    ],
)
def test_progress_is_the_share_of_all_iterations(epoch, num_epochs, within, progress):
    ctx = context(epoch=epoch, num_epochs=num_epochs, within_epoch=within)
    assert ctx.progress == pytest.approx(progress, abs=1e-15)


def test_whoever_says_nothing_of_iterations_is_at_the_epochs_beginning():
    assert context(epoch=1).progress == 0.5


def test_is_frozen():
    with pytest.raises(FrozenInstanceError):
        context().epoch = 1


def test_survives_pickling():
    assert pickle.loads(pickle.dumps(context(epoch=1))).epoch == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 2}, r"\[0, 2\), got 2"),  # a 1-based epoch shows itself in the last one
        ({"epoch": -1}, "got -1"),
        ({"num_classes": 0}, "num_classes"),
        ({"within_epoch": -0.1}, r"within_epoch must be in \[0, 1\), got -0.1"),
        ({"within_epoch": 1.0}, r"within_epoch must be in \[0, 1\), got 1.0"),
        ({"within_epoch": float("nan")}, "within_epoch must be"),
    ],
)
def test_impossible_values_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        context(**changes)
