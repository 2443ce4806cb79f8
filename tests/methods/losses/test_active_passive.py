import math

import pytest
import torch

from noisyseg.methods.losses.active_passive import active_passive, normalized_cross_entropy

LOGITS = torch.randn(6, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 3, 4, 0])


def test_active_term_from_its_definition():
    """Cross entropy over the sum of the cross entropies of all labels, in plain Python."""
    expected = [
        math.log(row[y]) / sum(math.log(p) for p in row)
        for row, y in zip(LOGITS.softmax(dim=1).tolist(), LABELS.tolist(), strict=True)
    ]
    assert normalized_cross_entropy(LOGITS, LABELS).tolist() == pytest.approx(expected)


def test_active_term_sums_to_one_over_labels():
    """Ma et al., theorem 1: normalised, any loss is symmetric; here with C = 1."""
    total = sum(normalized_cross_entropy(LOGITS, torch.full((6,), y)) for y in range(5))
    torch.testing.assert_close(total, torch.ones(6, dtype=torch.float64))


def test_active_term_of_equal_probabilities():
    loss = normalized_cross_entropy(torch.zeros(1, 81), torch.tensor([3]))
    assert loss.item() == pytest.approx(1 / 81)


def test_active_term_stays_within_its_bounds():
    """0 for a sure and right prediction; where one class is surely wrong it takes the whole sum."""
    logits = torch.tensor([[1e4, 0.0, 0.0], [0.0, 0.0, -1e4]])
    loss = normalized_cross_entropy(logits, torch.tensor([0, 2]))
    assert loss.tolist() == pytest.approx([0.0, 1.0], abs=2e-4)
    assert (loss >= 0).all()
    assert (loss <= 1).all()


def test_active_gradient():
    """With l_k = log p_k, S their sum: (dl_y S - l_y dS) / S^2, dl_k/dz_j = [j = k] - p_j."""
    logits = LOGITS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(normalized_cross_entropy(logits, LABELS).sum(), logits)
    for i, (row, y) in enumerate(zip(LOGITS.softmax(dim=1).tolist(), LABELS.tolist(), strict=True)):
        total = sum(math.log(p) for p in row)
        for j, p in enumerate(row):
            own, whole = (j == y) - p, 1 - 5 * p
            expected = (own * total - math.log(row[y]) * whole) / total**2
            assert gradient[i, j].item() == pytest.approx(expected)


def test_is_the_weighted_sum():
    """Two classes, p = (3/4, 1/4), label 1: NCE = log 4 / (log 4 + log 4/3), RCE = 4 * 3/4."""
    logits = torch.tensor([[math.log(3.0), 0.0]], dtype=torch.float64)
    active = math.log(4) / (math.log(4) + math.log(4 / 3))
    label = torch.tensor([1])
    assert active_passive(logits, label).item() == pytest.approx(active + 3.0)
    loss = active_passive(logits, label, alpha=10.0, beta=0.1, log_zero=math.log(1e-4))
    assert loss.item() == pytest.approx(10 * active - 0.1 * math.log(1e-4) * 0.75)
    only_active = active_passive(logits, label, beta=0.0)
    torch.testing.assert_close(only_active, normalized_cross_entropy(logits, label))


@pytest.mark.parametrize(
    ("classes", "weights", "ratio"),
    [(10, {}, 51), (80, {}, 717), (80, {"alpha": 10.0, "beta": 0.1}, 7.17)],
)
def test_how_much_the_passive_term_outweighs_the_active_one(classes, weights, ratio):
    """At p_y = 1/2 and p_k = 1 / 2K elsewhere, by the slopes at z_y.

    RCE's is A/4; NCE's, with S = sum log p, (S/2 - log p_y (1 - (K+1) / 2)) / S^2.
    """
    total = math.log(0.5) + classes * math.log(0.5 / classes)
    active = (0.5 * total - math.log(0.5) * (1 - (classes + 1) / 2)) / total**2
    probabilities = torch.full((1, classes + 1), 0.5 / classes, dtype=torch.float64)
    probabilities[0, 0] = 0.5
    slopes = []
    for part in ({"beta": 0.0}, {"alpha": 0.0}):
        logits = probabilities.log().requires_grad_()
        loss = active_passive(logits, torch.tensor([0]), **{**weights, **part})
        slopes.append(torch.autograd.grad(loss.sum(), logits)[0][0, 0].item())
    assert slopes[0] == pytest.approx(weights.get("alpha", 1.0) * active)
    assert slopes[1] == pytest.approx(weights.get("beta", 1.0) * -4 / 4)
    assert slopes[1] / slopes[0] == pytest.approx(ratio, rel=0.01)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": -1.0}, "alpha must be"),
        ({"beta": -0.1}, "beta must be"),
        ({"beta": math.nan}, "beta must be"),
        ({"log_zero": 0.0}, "log_zero must be"),
    ],
)
def test_values_outside_their_range_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        active_passive(LOGITS, LABELS, **parameters)
