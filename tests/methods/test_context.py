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
    ],
)
def test_impossible_values_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        context(**changes)
