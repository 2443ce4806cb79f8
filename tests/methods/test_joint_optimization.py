import math

import numpy as np
import pytest
import torch

from noisyseg.methods.context import LossContext
from noisyseg.methods.cross_entropy import cross_entropy
from noisyseg.methods.joint_optimization import JointOptimization, prior_and_entropy

LOGITS = torch.randn(7, 4, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
LABELS = torch.tensor([0, 3, 1, 2, 2, 3, 0])  # 3 is background


def context(weights):
    return LossContext(
        num_classes=3,
        epoch=0,
        num_epochs=1,
        weights=torch.as_tensor(weights),
        annotation_ids=None,
    )


def joint_optimization(logits, labels, ctx, **parameters):
    return JointOptimization(relabel=False, **parameters).loss(logits, labels, ctx)


def terms_in_numpy(logits):
    """KL(uniform || mean prediction) and mean entropy, background cut off and renormalised."""
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    p = p[:, :-1] / p[:, :-1].sum(axis=1, keepdims=True)
    uniform = np.full(p.shape[1], 1 / p.shape[1])
    prior = float((uniform * np.log(uniform / p.mean(axis=0))).sum())
    return prior, float(-(p * np.log(p)).sum(axis=1).mean())


def reduced(loss, weights):
    """What the head does with a loss: weigh, sum, divide by the count of weights above 0."""
    return ((loss * weights).sum() / max(int((weights > 0).sum()), 1)).item()


@pytest.mark.parametrize(
    "weights",
    [
        [1.0] * 7,
        [1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0],
        [0.5, 2.0, 0.0, 0.25, 3.0, 1.0, 1e-6],
    ],
    ids=["ones", "some zero", "uneven"],
)
def test_the_reduced_loss_holds_exactly_both_terms(weights):
    weights = torch.tensor(weights, dtype=torch.float64)
    loss = joint_optimization(LOGITS, LABELS, context(weights), alpha=0.6, beta=0.9)
    positive = ((LABELS < 3) & (weights > 0)).numpy()
    prior, entropy = terms_in_numpy(LOGITS.numpy()[positive])
    extra = reduced(loss, weights) - reduced(cross_entropy(LOGITS, LABELS), weights)
    assert extra == pytest.approx(0.6 * prior + 0.9 * entropy, abs=1e-12)


def test_defaults_are_the_papers():
    """Uniform predictions over 3 classes: L_p = 0, L_e = log 3; alpha is not seen, beta is 1.2.

    All positives sure of one class: p̄ is 1, δ, δ and L_e vanishes; alpha is 0.8.
    """
    weights = torch.ones(1)
    labels = torch.tensor([0])
    flat = torch.zeros(1, 4, dtype=torch.float64)
    loss = joint_optimization(flat, labels, context(weights))
    assert loss.item() == pytest.approx(math.log(4) + 1.2 * math.log(3))
    sure = torch.tensor([[60.0, 0.0, 0.0, -60.0]], dtype=torch.float64)
    loss = joint_optimization(sure, labels, context(weights))
    assert loss.item() == pytest.approx(0.8 * (2 / 3 * 60 - math.log(3)))


def test_terms_on_classes_predicted_evenly_but_surely():
    """Three RoIs, each sure of another class: mean prediction uniform, no entropy."""
    logits = 100 * torch.eye(3, 4, dtype=torch.float64)
    prior, entropy = prior_and_entropy(logits)
    assert prior.item() == pytest.approx(0.0, abs=1e-12)
    assert entropy.item() == pytest.approx(0.0, abs=1e-12)


def test_terms_do_not_see_background():
    logits = LOGITS.clone()
    logits[:, -1] += 50.0
    for changed, original in zip(prior_and_entropy(logits), prior_and_entropy(LOGITS), strict=True):
        torch.testing.assert_close(changed, original)


@pytest.mark.parametrize(
    ("labels", "weights"),
    [([3] * 7, [1.0] * 7), ([0] * 7, [0.0] * 7)],
    ids=["all background", "no weight"],
)
def test_without_positives_it_is_cross_entropy(labels, weights):
    labels = torch.tensor(labels)
    loss = joint_optimization(LOGITS, labels, context(weights))
    torch.testing.assert_close(loss, cross_entropy(LOGITS, labels))


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_negative_weights_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 0"):
        joint_optimization(LOGITS, LABELS, context([1.0] * 7), **{name: -0.1})
