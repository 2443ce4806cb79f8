import math

import pytest
import torch

from noisyseg.methods.cross_entropy import cross_entropy
from noisyseg.methods.label_smoothing import label_smoothing

LOGITS = torch.randn(6, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 3, 4, 0])


def test_without_smoothing_it_is_cross_entropy():
    torch.testing.assert_close(
        label_smoothing(LOGITS, LABELS, epsilon=0.0), cross_entropy(LOGITS, LABELS)
    )


def test_hand_worked():
    """Odds 1 : 2 : 5, label 2, epsilon 0.3: target 0.1, 0.1, 0.8."""
    logits = torch.tensor([[1.0, 2.0, 5.0]], dtype=torch.float64).log()
    expected = 0.1 * math.log(8) + 0.1 * math.log(4) + 0.8 * math.log(8 / 5)
    assert label_smoothing(logits, torch.tensor([2]), epsilon=0.3).item() == pytest.approx(expected)


def test_agrees_with_torch():
    expected = torch.nn.functional.cross_entropy(
        LOGITS, LABELS, reduction="none", label_smoothing=0.1
    )
    torch.testing.assert_close(label_smoothing(LOGITS, LABELS), expected)


@pytest.mark.parametrize("epsilon", [-0.1, 1.1, math.nan])
def test_epsilon_outside_its_range_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon must be in"):
        label_smoothing(LOGITS, LABELS, epsilon=epsilon)
