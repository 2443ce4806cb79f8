import math

import pytest
import torch

from noisyseg.methods.context import LossContext
from noisyseg.methods.cross_entropy import cross_entropy
from noisyseg.methods.symmetric_cross_entropy import (
    reverse_cross_entropy,
    symmetric_cross_entropy,
)

LOGITS = torch.randn(6, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 3, 4, 0])


def sce(logits, labels, **parameters):
    ctx = LossContext(
        num_classes=logits.shape[1] - 1,
        epoch=0,
        num_epochs=1,
        weights=torch.ones(len(labels)),
        annotation_ids=None,
    )
    return symmetric_cross_entropy(logits, labels, ctx, **parameters)


def test_reverse_term_from_its_definition():
    """Eq. 5 with log 0 := A, summed over k in plain Python."""
    p = LOGITS.softmax(dim=1).tolist()
    expected = [
        -sum(p_k * (math.log(1.0) if k == y else -4.0) for k, p_k in enumerate(row))
        for row, y in zip(p, LABELS.tolist(), strict=True)
    ]
    assert reverse_cross_entropy(LOGITS, LABELS).tolist() == pytest.approx(expected)


def test_reverse_term_is_symmetric():
    """Summed over all K + 1 labels it is -K A, whatever the prediction (eq. 6)."""
    total = sum(reverse_cross_entropy(LOGITS, torch.full((6,), y), log_zero=-3.0) for y in range(5))
    torch.testing.assert_close(total, torch.full((6,), 4 * 3.0, dtype=torch.float64))


def test_reverse_gradient_is_eq_7():
    """A p_y (1 - p_y) at the label, which is negative, and -A p_y p_j elsewhere."""
    logits = LOGITS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(reverse_cross_entropy(logits, LABELS).sum(), logits)
    p = LOGITS.softmax(dim=1)
    own = p[torch.arange(6), LABELS]
    expected = 4.0 * own[:, None] * p
    expected[torch.arange(6), LABELS] = -4.0 * own * (1 - own)
    torch.testing.assert_close(gradient, expected)


def test_is_the_weighted_sum():
    expected = 0.7 * cross_entropy(LOGITS, LABELS) + 0.2 * reverse_cross_entropy(LOGITS, LABELS)
    torch.testing.assert_close(sce(LOGITS, LABELS, alpha=0.7, beta=0.2), expected)


def test_defaults_are_the_papers():
    """p_y = 1/4: 1.0 * log 4 + 0.1 * 4 * 3/4."""
    loss = sce(torch.zeros(1, 4, dtype=torch.float64), torch.tensor([0]))
    assert loss.item() == pytest.approx(math.log(4) + 0.3)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": -1.0}, "alpha must be"),
        ({"beta": -0.1}, "beta must be"),
        ({"log_zero": 0.0}, "log_zero must be"),
        ({"log_zero": math.nan}, "log_zero must be"),
        ({"convention": "v2"}, "convention must be paper or lncis-code"),
    ],
)
def test_values_outside_their_range_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        sce(LOGITS, LABELS, **parameters)
