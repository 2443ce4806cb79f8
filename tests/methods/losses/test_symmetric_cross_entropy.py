import math

import pytest
import torch

from noisyseg.methods.context import LossContext
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.symmetric_cross_entropy import (
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


def test_summed_over_the_object_labels_alone_it_depends_on_the_prediction():
    """The K object labels give -A (K - 1 + p_background): the sum needs background's label too."""
    total = sum(reverse_cross_entropy(LOGITS, torch.full((6,), y)) for y in range(4))
    torch.testing.assert_close(total, 4.0 * (3 + LOGITS.softmax(dim=1)[:, -1]))


@pytest.mark.parametrize("log_zero", [-4.0, -9.21, -0.5])
def test_reverse_term_lies_between_zero_and_minus_a(log_zero):
    """Half of -A times the absolute error sum_k |q_k - p_k|, whose greatest value is 2."""
    logits = torch.cat([LOGITS, torch.tensor([[900.0, 0, 0, 0, 0], [0, 900.0, 0, 0, 0]])])
    labels = torch.cat([LABELS, torch.tensor([0, 0])])
    one_hot = torch.eye(5, dtype=torch.float64)[labels]
    error = (one_hot - logits.softmax(dim=1)).abs().sum(dim=1)
    found = reverse_cross_entropy(logits, labels, log_zero=log_zero)
    torch.testing.assert_close(found, -log_zero / 2 * error)
    assert found[-2:].tolist() == pytest.approx([0.0, -log_zero])


def test_reverse_term_pulls_most_where_the_label_is_an_even_bet():
    """Eq. 7 at the label is A p_y (1 - p_y): A/4 at p_y = 1/2, and A e^-10 where p_y = e^-10."""
    logits = torch.tensor([[0.0, 0.0], [0.0, 10.0], [10.0, 0.0]], dtype=torch.float64)
    logits.requires_grad_()
    loss = reverse_cross_entropy(logits, torch.tensor([0, 0, 0]))
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    tail = -4.0 * math.exp(-10) / (1 + math.exp(-10)) ** 2
    assert gradient[:, 0].tolist() == pytest.approx([-1.0, tail, tail])
    torch.testing.assert_close(gradient[:, 1], -gradient[:, 0])


def test_gradient_is_the_weighted_sum_of_eq_7_and_eq_8():
    """(alpha - beta A p_y) (p_j - [j = y])."""
    logits = LOGITS.clone().requires_grad_()
    loss = sce(logits, LABELS, alpha=0.7, beta=0.2, log_zero=-3.0)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    p = LOGITS.softmax(dim=1)
    own = p[torch.arange(6), LABELS].unsqueeze(1)
    expected = (0.7 + 0.2 * 3.0 * own) * (p - torch.eye(5, dtype=torch.float64)[LABELS])
    torch.testing.assert_close(gradient, expected)


def test_without_one_term_it_is_the_other():
    torch.testing.assert_close(
        sce(LOGITS, LABELS, alpha=1.0, beta=0.0), cross_entropy(LOGITS, LABELS)
    )
    torch.testing.assert_close(
        sce(LOGITS, LABELS, alpha=0.0, beta=1.0), reverse_cross_entropy(LOGITS, LABELS)
    )


def test_the_authors_code_knows_no_other_log_zero():
    code = {"convention": "lncis-code"}
    assert torch.equal(
        sce(LOGITS, LABELS, log_zero=-7.0, **code), sce(LOGITS, LABELS, log_zero=-4.0, **code)
    )
    assert not torch.equal(sce(LOGITS, LABELS, **code), sce(LOGITS, LABELS))


@pytest.mark.parametrize("convention", ["paper", "lncis-code"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_extreme_logits_under_autocast(convention, dtype):
    """Label far behind, and far ahead: 2e4 + 0.1 * 4 and 0; the code's p stops at 1e-7."""
    big = torch.tensor(1e4, dtype=dtype)
    logits = torch.stack([torch.stack([-big, big]), torch.stack([big, -big])]).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = sce(logits, torch.tensor([0, 0]), convention=convention)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    floor = -math.log(1e-7)
    expected = {
        "paper": [2 * big.item() + 0.4, 0.0],
        "lncis-code": [floor + 0.1 * math.log(1e4), 1e-4 * floor + 0.1 * math.log(1e4) * 1e-7],
    }
    assert loss.dtype == torch.float32
    assert loss.tolist() == pytest.approx(expected[convention], rel=1e-6, abs=1e-6)
    assert torch.isfinite(gradient).all()
