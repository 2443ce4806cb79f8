import math

import pytest
import torch

from noisyseg.methods.losses.bootstrapping import hard_bootstrapping, soft_bootstrapping
from noisyseg.methods.losses.cross_entropy import cross_entropy

LOGITS = torch.randn(6, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 3, 4, 0])
BOTH = pytest.mark.parametrize("loss", [hard_bootstrapping, soft_bootstrapping])


def by_definition(target_of, beta):
    """-sum_k (beta q_k + (1 - beta) t_k) log p_k, t from the prediction, in plain Python."""
    return [
        -sum(
            (beta * (k == y) + (1 - beta) * t) * math.log(p)
            for k, (p, t) in enumerate(zip(row, target_of(row), strict=True))
        )
        for row, y in zip(LOGITS.softmax(dim=1).tolist(), LABELS.tolist(), strict=True)
    ]


def one_hot_of_the_largest(row):
    return [float(p == max(row)) for p in row]


def test_hard_from_its_definition():
    for beta in (0.0, 0.3, 1.0):
        expected = by_definition(one_hot_of_the_largest, beta)
        assert hard_bootstrapping(LOGITS, LABELS, beta=beta).tolist() == pytest.approx(expected)


def test_soft_from_its_definition():
    for beta in (0.0, 0.3, 1.0):
        expected = by_definition(list, beta)
        assert soft_bootstrapping(LOGITS, LABELS, beta=beta).tolist() == pytest.approx(expected)


def test_defaults_are_the_papers():
    hard = by_definition(one_hot_of_the_largest, 0.8)
    assert hard_bootstrapping(LOGITS, LABELS).tolist() == pytest.approx(hard)
    soft = by_definition(list, 0.95)
    assert soft_bootstrapping(LOGITS, LABELS).tolist() == pytest.approx(soft)


@BOTH
def test_the_label_alone_is_cross_entropy(loss):
    torch.testing.assert_close(loss(LOGITS, LABELS, beta=1.0), cross_entropy(LOGITS, LABELS))


def test_hard_gradient_takes_the_prediction_as_given():
    """p - target."""
    logits = LOGITS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(hard_bootstrapping(logits, LABELS).sum(), logits)
    p = LOGITS.softmax(dim=1)
    one_hot = torch.nn.functional.one_hot
    target = 0.8 * one_hot(LABELS, 5) + 0.2 * one_hot(p.argmax(dim=1), 5)
    torch.testing.assert_close(gradient, p - target)


def test_soft_gradient_is_that_of_the_entropy_too():
    """beta (p - q) - (1 - beta) p (log p + H); with the target held fixed it had only beta."""
    logits = LOGITS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(soft_bootstrapping(logits, LABELS).sum(), logits)
    p = LOGITS.softmax(dim=1)
    entropy = -(p * p.log()).sum(dim=1, keepdim=True)
    label = p - torch.nn.functional.one_hot(LABELS, 5)
    torch.testing.assert_close(gradient, 0.95 * label - 0.05 * p * (p.log() + entropy))


def test_in_a_tie_the_first_class_is_predicted():
    """Two classes at log 2, background far below: the target is (0.8 + 0.2, 0) or (0.2, 0.8)."""
    logits = torch.tensor([[0.0, 0.0, -1e4]]).repeat(2, 1).double().requires_grad_()
    loss = hard_bootstrapping(logits, torch.tensor([0, 1]))
    assert loss.tolist() == pytest.approx([math.log(2)] * 2)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    assert gradient[0].tolist() == pytest.approx([-0.5, 0.5, 0.0])
    assert gradient[1].tolist() == pytest.approx([0.3, -0.3, 0.0])


def test_entropy_of_a_sure_prediction_is_nothing():
    """0 log 0 = 0: what is left is beta * 2e4 for the wrong label, 0 for the right one."""
    logits = torch.tensor([[1e4, -1e4]]).repeat(2, 1).requires_grad_()
    loss = soft_bootstrapping(logits, torch.tensor([0, 1]))
    assert loss.tolist() == pytest.approx([0.0, 0.95 * 2e4])
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    torch.testing.assert_close(gradient, torch.tensor([[0.0, 0.0], [0.95, -0.95]]))


@BOTH
@pytest.mark.parametrize("beta", [-0.1, 1.1, math.nan])
def test_beta_outside_its_range_is_refused(loss, beta):
    with pytest.raises(ValueError, match="beta must be"):
        loss(LOGITS, LABELS, beta=beta)
