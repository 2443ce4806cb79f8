import math

import torch

from noisyseg.methods.cross_entropy import cross_entropy


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
