import pytest
import torch

from noisyseg.methods.losses.generalized_cross_entropy import generalized_cross_entropy
from noisyseg.methods.losses.mean_absolute_error import mean_absolute_error
from noisyseg.methods.registry import resolve

LOGITS = torch.randn(6, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 3, 4, 0])


def test_is_the_distance_of_the_two_distributions():
    """||q - p||_1 summed in plain Python."""
    expected = [
        sum(abs((k == y) - p) for k, p in enumerate(row))
        for row, y in zip(LOGITS.softmax(dim=1).tolist(), LABELS.tolist(), strict=True)
    ]
    assert mean_absolute_error(LOGITS, LABELS).tolist() == pytest.approx(expected)


def test_is_symmetric():
    """Summed over all K + 1 labels it is 2 K, whatever the prediction (Ghosh et al., eq. 9)."""
    total = sum(mean_absolute_error(LOGITS, torch.full((6,), y)) for y in range(5))
    torch.testing.assert_close(total, torch.full((6,), 8.0, dtype=torch.float64))


def test_gradient():
    """2 p_y (p_j - [j = y])."""
    logits = LOGITS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(mean_absolute_error(logits, LABELS).sum(), logits)
    p = LOGITS.softmax(dim=1)
    one_hot = torch.nn.functional.one_hot(LABELS, 5)
    own = (p * one_hot).sum(dim=1, keepdim=True)
    torch.testing.assert_close(gradient, 2 * own * (p - one_hot))


def test_its_kin():
    """Twice gce at q = 1, and rce at A = -2."""
    loss = mean_absolute_error(LOGITS, LABELS)
    torch.testing.assert_close(loss, 2 * generalized_cross_entropy(LOGITS, LABELS, q=1.0))
    reverse = resolve("rce", {"log_zero": -2}).method.load()
    torch.testing.assert_close(loss, reverse(LOGITS, LABELS, log_zero=-2.0))


def test_bounds_are_reached_at_extreme_logits():
    logits = torch.tensor([[1e4, -1e4]]).expand(2, 2)
    assert mean_absolute_error(logits, torch.tensor([0, 1])).tolist() == [0.0, 2.0]
