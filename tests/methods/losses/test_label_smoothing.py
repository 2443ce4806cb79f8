import math

import pytest
import torch

from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.label_smoothing import label_smoothing

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


def test_gradient_is_the_prediction_less_the_target():
    logits = LOGITS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(label_smoothing(logits, LABELS, epsilon=0.3).sum(), logits)
    target = 0.7 * torch.eye(5, dtype=torch.float64)[LABELS] + 0.3 / 5
    torch.testing.assert_close(gradient, LOGITS.softmax(dim=1) - target)


def test_least_where_the_prediction_is_the_target():
    """There it is the target's entropy, and a step in any direction costs more."""
    target = torch.tensor([[0.1 / 4, 0.1 / 4, 0.9 + 0.1 / 4, 0.1 / 4]], dtype=torch.float64)
    label = torch.tensor([2])
    least = label_smoothing(target.log(), label).item()
    assert least == pytest.approx(-sum(q * math.log(q) for q in target[0].tolist()))
    for step in torch.eye(4, dtype=torch.float64):
        for size in (-0.01, 0.01):
            assert label_smoothing(target.log() + size * step, label).item() > least


def test_smoothed_altogether_the_label_does_not_matter():
    """Epsilon 1: the mean of -log p_k over all K + 1 classes."""
    expected = -LOGITS.softmax(dim=1).log().mean(dim=1)
    for label in range(5):
        found = label_smoothing(LOGITS, torch.full((6,), label), epsilon=1.0)
        torch.testing.assert_close(found, expected)


def test_summed_over_labels_the_smoothing_cancels():
    """Targets sum to one for each class: the sum is that of cross entropy, whatever epsilon."""
    every = [torch.full((6,), label) for label in range(5)]
    torch.testing.assert_close(
        sum(label_smoothing(LOGITS, labels, epsilon=0.4) for labels in every),
        sum(cross_entropy(LOGITS, labels) for labels in every),
    )
