import json
import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.generalized_cross_entropy import generalized_cross_entropy

VECTORS = Path(__file__).parents[2] / "data" / "paper" / "loss_vectors.json"
LOGITS = torch.randn(6, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 3, 4, 0])


def test_tends_to_cross_entropy_as_q_vanishes():
    """The next term of the series is q (log p_y)^2 / 2: at q = 1e-9 below 1e-7 here."""
    torch.testing.assert_close(
        generalized_cross_entropy(LOGITS, LABELS, q=1e-9),
        cross_entropy(LOGITS, LABELS),
        rtol=0.0,
        atol=1e-7,
    )


def test_q_one_is_one_minus_p():
    p = LOGITS.softmax(dim=1)[torch.arange(6), LABELS]
    torch.testing.assert_close(generalized_cross_entropy(LOGITS, LABELS, q=1.0), 1 - p)


def test_hand_worked():
    """p_y = 1/4, q = 1/2: (1 - 1/2) / (1/2) = 1."""
    logits = torch.zeros(1, 4, dtype=torch.float64)
    assert generalized_cross_entropy(logits, torch.tensor([3]), q=0.5).item() == pytest.approx(1.0)


def test_the_default_is_the_papers():
    """q = 0.3, by which Yang et al. compare."""
    expected = (1 - LOGITS.softmax(dim=1)[torch.arange(6), LABELS] ** 0.3) / 0.3
    torch.testing.assert_close(generalized_cross_entropy(LOGITS, LABELS), expected)


def test_bounded_and_flat_where_the_label_has_no_probability():
    logits = torch.tensor([[-1e4, 1e4]], requires_grad=True)
    loss = generalized_cross_entropy(logits, torch.tensor([0]), q=0.3)
    loss.sum().backward()
    assert loss.item() == pytest.approx(1 / 0.3)
    assert logits.grad.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("q", [0.0, -0.3, 1.01, math.nan])
def test_q_outside_its_range_is_refused(q):
    with pytest.raises(ValueError, match="q must be in"):
        generalized_cross_entropy(LOGITS, LABELS, q=q)


def test_agrees_with_the_authors_losses():
    for case in json.loads(VECTORS.read_text())["cases"]:
        logits = torch.tensor(case["logits"], dtype=torch.float64, requires_grad=True)
        loss = generalized_cross_entropy(logits, torch.tensor(case["labels"]), q=0.3).mean()
        (gradient,) = torch.autograd.grad(loss, logits)
        expected = case["expected"]["gce q=0.3"]
        assert loss.item() == pytest.approx(expected["mean_loss"], abs=1e-6)
        assert gradient[0].tolist() == pytest.approx(expected["grad_row0"], abs=1e-6)
        assert gradient.abs().sum().item() == pytest.approx(expected["grad_abs_sum"], abs=1e-6)


@pytest.mark.parametrize("q", [0.01, 0.3, 0.7, 1.0])
def test_gradient_is_that_of_cross_entropy_times_p_to_the_q(q):
    """By way of Zhang & Sabuncu's dL/dp_y = -p_y^(q-1): dL/dz_j = p_y^q (p_j - [j = y])."""
    logits = LOGITS.clone().requires_grad_()
    loss = generalized_cross_entropy(logits, LABELS, q=q)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    p = LOGITS.softmax(dim=1)
    own = p[torch.arange(6), LABELS].unsqueeze(1)
    torch.testing.assert_close(gradient, own**q * (p - torch.eye(5, dtype=torch.float64)[LABELS]))


@pytest.mark.parametrize("q", [0.1, 0.3, 0.9, 1.0])
def test_summed_over_labels_it_keeps_the_papers_bounds(q):
    """Lemma 1: (c - c^(1-q)) / q <= the sum <= (c - 1) / q with c classes, reached at both ends."""
    low, high = (5 - 5 ** (1 - q)) / q, 4 / q
    even = torch.zeros(1, 5, dtype=torch.float64)
    sure = torch.tensor([[3000.0, 0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    logits = torch.cat([even, LOGITS, sure])
    total = sum(generalized_cross_entropy(logits, torch.full((8,), y), q=q) for y in range(5))
    assert total[0].item() == pytest.approx(low)
    assert total[-1].item() == pytest.approx(high)
    assert ((total >= low - 1e-12) & (total <= high + 1e-12)).all()


def test_falls_from_cross_entropy_to_one_minus_p_as_q_grows():
    losses = [generalized_cross_entropy(LOGITS, LABELS, q=q) for q in (1e-9, 0.2, 0.5, 0.8, 1.0)]
    for larger, smaller in pairwise(losses):
        assert (larger > smaller).all()


def test_small_q_keeps_its_digits_in_single_precision():
    """1 - p^q computed as such would be off by 6 % here: its rounding is 6e-8 / 1e-6."""
    found = generalized_cross_entropy(LOGITS.float(), LABELS, q=1e-6)
    torch.testing.assert_close(found, cross_entropy(LOGITS, LABELS).float(), rtol=1e-5, atol=0.0)
