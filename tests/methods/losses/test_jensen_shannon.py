import math

import numpy as np
import pytest
import torch

from noisyseg.methods.context import LossContext
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.jensen_shannon import generalized_jensen_shannon
from noisyseg.methods.losses.mean_absolute_error import mean_absolute_error

LABELS = torch.tensor([0, 4, 1, 0, 1, 0, 2, 4, 3, 1])
IDS = torch.tensor([0, -1, 30, 0, 30, 0, 9, -1, 12, 31])  # 0 is an annotation, too
WEIGHTS = torch.tensor([1.0, 1.0, 1.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
LOGITS = 2 * torch.randn(10, 5, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def context(ids, weights=None, num_classes=4):
    weights = torch.ones(len(ids)) if weights is None else weights
    return LossContext(
        num_classes=num_classes, epoch=0, num_epochs=1, weights=weights, annotation_ids=ids
    )


def entropy(p):
    """With 0 log 0 = 0."""
    return -sum(x * math.log(x) for x in p if x > 0)


def divergence(label, predictions, pi):
    """H(sum_i pi_i p_i) - sum_i pi_i H(p_i) over -(1 - pi) log(1 - pi), as the paper defines it."""
    share = (1 - pi) / len(predictions)
    mixture = pi * np.eye(len(predictions[0]))[label] + share * sum(predictions)
    value = entropy(mixture) - share * sum(entropy(p) for p in predictions)
    return value / -((1 - pi) * math.log(1 - pi))


def by_loops(pi, weights=WEIGHTS):
    p = LOGITS.softmax(dim=1).numpy()
    losses = []
    for i, (label, own) in enumerate(zip(LABELS.tolist(), IDS.tolist(), strict=True)):
        views = [i]
        if own >= 0 and weights[i] > 0:
            views = [j for j in range(10) if IDS[j] == own and weights[j] > 0]
        losses.append(divergence(label, [p[j] for j in views], pi))
    return losses


@pytest.mark.parametrize("pi", [0.1, 0.5, 0.9])
def test_from_the_definition(pi):
    """Three RoIs of one object, two of another, four alone or negative."""
    loss = generalized_jensen_shannon(LOGITS, LABELS, context(IDS, WEIGHTS), pi=pi)
    assert loss.tolist() == pytest.approx(by_loops(pi), rel=1e-9)


def test_default_weight():
    loss = generalized_jensen_shannon(LOGITS, LABELS, context(IDS, WEIGHTS))
    assert loss.tolist() == pytest.approx(by_loops(0.5), rel=1e-9)


def test_rois_without_weight_are_no_view_of_their_object():
    weights = WEIGHTS.clone()
    weights[3] = 0.0
    loss = generalized_jensen_shannon(LOGITS, LABELS, context(IDS, weights))
    assert loss.tolist() == pytest.approx(by_loops(0.5, weights), rel=1e-9)


def test_views_of_one_object_share_a_loss_and_negatives_do_not():
    loss = generalized_jensen_shannon(LOGITS, LABELS, context(IDS, WEIGHTS))
    assert loss[0].item() == pytest.approx(loss[3].item(), rel=1e-12)
    assert loss[0].item() == pytest.approx(loss[5].item(), rel=1e-12)
    assert abs(loss[1] - loss[7]).item() > 1e-3


def test_equal_views_are_one_view():
    """The label's part alone is left: M predictions that agree diverge no more than one."""
    logits = LOGITS[:1].repeat(3, 1)
    labels = torch.zeros(3, dtype=torch.long)
    together = generalized_jensen_shannon(logits, labels, context(torch.tensor([5, 5, 5])))
    alone = generalized_jensen_shannon(logits, labels, context(torch.tensor([5, 6, 7])))
    torch.testing.assert_close(together, alone)


def test_views_that_contradict_each_other_cost_more():
    """Two views sure of classes 0 and 1, label 0, pi = 1/2: the mixture is (3/4, 1/4), no view
    has an entropy, so it is H(3/4, 1/4) over log(2) / 2. Each alone has 0 or log(2) / that."""
    logits = torch.tensor([[1e4, 0.0, 0.0], [0.0, 1e4, 0.0]])
    labels = torch.zeros(2, dtype=torch.long)
    ctx = context(torch.tensor([5, 5]), num_classes=2)
    expected = entropy([0.75, 0.25]) / (0.5 * math.log(2))
    loss = generalized_jensen_shannon(logits, labels, ctx)
    assert loss.tolist() == pytest.approx([expected] * 2)
    alone = generalized_jensen_shannon(logits, labels, context(torch.tensor([5, 6]), num_classes=2))
    assert alone.tolist() == pytest.approx([0.0, 2.0], abs=1e-6)
    assert loss.sum() > alone.sum()


def test_tends_to_cross_entropy_as_the_labels_weight_falls():
    """Proposition 1, for one view."""
    ids = torch.arange(10)
    loss = generalized_jensen_shannon(LOGITS, LABELS, context(ids), pi=1e-6)
    torch.testing.assert_close(loss, cross_entropy(LOGITS, LABELS), rtol=1e-2, atol=1e-3)
    rougher = generalized_jensen_shannon(LOGITS, LABELS, context(ids), pi=1e-3)
    exact = cross_entropy(LOGITS, LABELS)
    assert ((loss - exact).abs() < (rougher - exact).abs()).all()


def test_tends_to_half_the_absolute_error_as_it_rises():
    """Proposition 1, for one view; it converges as slowly as 1 / log(1 - pi)."""
    exact = mean_absolute_error(LOGITS, LABELS) / 2
    ids = torch.arange(10)
    errors = [
        (generalized_jensen_shannon(LOGITS, LABELS, context(ids), pi=1 - rest) - exact).abs()
        for rest in (1e-2, 1e-4, 1e-6)
    ]
    assert (errors[1] < errors[0]).all()
    assert (errors[2] < errors[1]).all()
    assert errors[2].max().item() < 1.2 / math.log(1e6)


def test_one_view_is_within_the_papers_bounds():
    """0 at p_y = 1, H(pi, 1 - pi) / Z at p_y = 0, where label and prediction are disjoint."""
    logits = torch.tensor([[1e4, -1e4], [-1e4, 1e4]])
    ctx = context(torch.tensor([0, 1]), num_classes=1)
    for pi in (0.2, 0.5, 0.8):
        loss = generalized_jensen_shannon(logits, torch.zeros(2, dtype=torch.long), ctx, pi=pi)
        largest = entropy([pi, 1 - pi]) / -((1 - pi) * math.log(1 - pi))
        assert loss.tolist() == pytest.approx([0.0, largest], rel=1e-5)


@pytest.mark.parametrize("pi", [0.1, 0.5, 0.9])
def test_gradient_through_all_views(pi):
    ctx = context(IDS, WEIGHTS)
    assert torch.autograd.gradcheck(
        lambda z: generalized_jensen_shannon(z, LABELS, ctx, pi=pi),
        LOGITS.clone().requires_grad_(),
    )


def test_a_roi_moves_the_losses_of_its_own_object_alone():
    logits = LOGITS.clone().requires_grad_()
    loss = generalized_jensen_shannon(logits, LABELS, context(IDS, WEIGHTS))
    (gradient,) = torch.autograd.grad(loss[0], logits)
    assert gradient.abs().sum(dim=1).nonzero().squeeze(1).tolist() == [0, 3, 5]


@pytest.mark.parametrize(
    ("pi", "dtype"),
    [
        (1e-6, torch.float32),
        (1 - 1e-6, torch.float32),
        (0.1, torch.float16),
        (0.5, torch.float16),
        (0.9, torch.float16),
    ],
)
def test_views_at_extreme_logits(pi, dtype):
    """All patterns of ±1e4 over three classes, in groups of two and of eight.

    Views that disagree weigh 1 / pi as pi falls: a gradient of 1e6 has no room in float16.
    """
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)
    for views in (2, 8):
        logits = (1e4 * signs).repeat(2, 1).to(dtype).requires_grad_()
        labels = (torch.arange(16) // 8) % 2
        ctx = context(torch.arange(16) // views, num_classes=2)
        loss = generalized_jensen_shannon(logits, labels, ctx, pi=pi)
        loss.sum().backward()
        assert torch.isfinite(loss).all()
        assert torch.isfinite(logits.grad).all()


def test_float32_agrees_with_float64():
    ctx = context(IDS, WEIGHTS)
    for pi in (0.05, 0.5, 0.95):
        loss = generalized_jensen_shannon(LOGITS.float(), LABELS, ctx, pi=pi)
        precise = generalized_jensen_shannon(LOGITS.float().double(), LABELS, ctx, pi=pi)
        torch.testing.assert_close(loss.double(), precise, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("pi", [0.0, 1.0, -0.1, 1.1, 1e-9, math.nan])
def test_weight_outside_its_range_is_refused(pi):
    with pytest.raises(ValueError, match="pi must be"):
        generalized_jensen_shannon(LOGITS, LABELS, context(IDS), pi=pi)
