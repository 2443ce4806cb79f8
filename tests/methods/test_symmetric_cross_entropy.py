import json
import math
from pathlib import Path

import pytest
import torch

from noisyseg.methods.cross_entropy import cross_entropy
from noisyseg.methods.symmetric_cross_entropy import (
    reverse_cross_entropy,
    symmetric_cross_entropy,
)

VECTORS = Path(__file__).parents[3] / "shared" / "paper" / "loss_vectors.json"
LOGITS = torch.randn(6, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 3, 4, 0])


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
    torch.testing.assert_close(
        symmetric_cross_entropy(LOGITS, LABELS, alpha=0.7, beta=0.2), expected
    )


def test_defaults_are_the_papers():
    """p_y = 1/4: 1.0 * log 4 + 0.1 * 4 * 3/4."""
    loss = symmetric_cross_entropy(torch.zeros(1, 4, dtype=torch.float64), torch.tensor([0]))
    assert loss.item() == pytest.approx(math.log(4) + 0.3)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": -1.0}, "alpha must be"),
        ({"beta": -0.1}, "beta must be"),
        ({"log_zero": 0.0}, "log_zero must be"),
        ({"log_zero": math.nan}, "log_zero must be"),
    ],
)
def test_values_outside_their_range_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        symmetric_cross_entropy(LOGITS, LABELS, **parameters)


@pytest.mark.skipif(not VECTORS.exists(), reason="the authors' loss vectors are not at hand")
def test_agrees_with_the_authors_losses():
    """They clamp the one-hot at 1e-4: A = ln 1e-4, and CE gains a little of the other classes.

    That is 1e-4 * -log p_k each. They also clamp p at 1e-7: a case where that touches a label's
    own probability is another loss, and is left out.
    """
    compared = 0
    for case in json.loads(VECTORS.read_text())["cases"]:
        logits = torch.tensor(case["logits"], dtype=torch.float64, requires_grad=True)
        labels = torch.tensor(case["labels"])
        p = logits.softmax(dim=1)
        if (p.gather(1, labels[:, None]) < 1e-7).any():
            continue
        others = 1 - torch.nn.functional.one_hot(labels, case["K"] + 1)
        gained = -1e-4 * (others * p.clamp(min=1e-7).log()).sum(dim=1)
        loss = symmetric_cross_entropy(logits, labels, log_zero=math.log(1e-4)) + gained
        (gradient,) = torch.autograd.grad(loss.mean(), logits)
        expected = case["expected"]["sce alpha=1 beta=0.1 (authors code: clamp 1e-4)"]
        assert loss.mean().item() == pytest.approx(expected["mean_loss"], abs=1e-6)
        assert gradient[0].tolist() == pytest.approx(expected["grad_row0"], abs=1e-6)
        assert gradient.abs().sum().item() == pytest.approx(expected["grad_abs_sum"], abs=1e-6)
        compared += 1
    assert compared >= 2
