import math

import pytest
import torch

from noisyseg.methods.losses.cross_entropy import cross_entropy


def test_known_odds():
    logits = torch.tensor([[1.0, 2.0, 5.0], [1.0, 2.0, 5.0]], dtype=torch.float64).log()
    expected = torch.tensor([math.log(8), math.log(8 / 5)], dtype=torch.float64)
    torch.testing.assert_close(cross_entropy(logits, torch.tensor([0, 2])), expected)


def test_gradient_is_eq_8():
    """Yang et al. 2020, eq. 8: p_j - 1 at the label, p_j elsewhere."""
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 3, 3])
    logits.requires_grad_()
    (gradient,) = torch.autograd.grad(cross_entropy(logits, labels).sum(), logits)
    exponentials = logits.detach().exp()
    p = exponentials / exponentials.sum(dim=1, keepdim=True)
    torch.testing.assert_close(gradient, p - torch.eye(4, dtype=torch.float64)[labels])


def test_with_one_class_it_is_logistic_regression():
    """log(1 + e^(other - own)), in plain Python."""
    rows = [[2.0, -1.0], [0.0, 0.0], [-3.0, 4.0]]
    logits = torch.tensor(rows, dtype=torch.float64)
    for label in (0, 1):
        expected = [math.log1p(math.exp(row[1 - label] - row[label])) for row in rows]
        found = cross_entropy(logits, torch.full((3,), label))
        assert found.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_far_off_it_is_the_distance_and_its_slope_one(dtype):
    """Nothing overflows or is cut off: the loss is exactly the difference of the logits."""
    big = torch.tensor(1e4, dtype=dtype)
    logits = torch.stack([-big, big]).unsqueeze(0).requires_grad_()
    loss = cross_entropy(logits, torch.tensor([0]))
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    assert loss.item() == 2 * big.item()
    assert gradient.tolist() == [[-1.0, 1.0]]
