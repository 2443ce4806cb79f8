"""The authors' code's losses, against its own numbers and against its few lines in numpy."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from noisyseg.methods.context import LossContext
from noisyseg.methods.losses.clamped_cross_entropy import check_convention, clamped_losses
from noisyseg.methods.registry import resolve

VECTORS = Path(__file__).parents[2] / "data" / "paper" / "loss_vectors.json"
EXPECTED = {
    "lncis": "lncis-code stage 2",
    "sce": "sce alpha=1 beta=0.1 (authors code: clamp 1e-4)",
    "gce": "gce q=0.3",
}


def reduced(name, logits, labels, weights, **parameters):
    """The loss in the second stage, weighed and divided as mmdet's head does it."""
    ctx = LossContext(
        num_classes=logits.shape[1] - 1,
        epoch=1,
        num_epochs=2,
        weights=weights,
        annotation_ids=None,
    )
    losses = resolve(name, parameters).start().loss(logits, labels, ctx)
    return (losses * weights).sum() / max(int((weights > 0).sum()), 1)


@pytest.mark.parametrize("name", EXPECTED)
def test_agrees_with_the_authors_losses(name):
    parameters = {} if name == "gce" else {"convention": "lncis-code"}
    cases = json.loads(VECTORS.read_text())["cases"]
    assert cases
    for case in cases:
        logits = torch.tensor(case["logits"], dtype=torch.float64, requires_grad=True)
        labels = torch.tensor(case["labels"])
        loss = reduced(name, logits, labels, torch.ones(len(labels)), **parameters)
        (gradient,) = torch.autograd.grad(loss, logits)
        expected = case["expected"][EXPECTED[name]]
        assert loss.item() == pytest.approx(expected["mean_loss"], abs=1e-6)
        assert gradient[0].tolist() == pytest.approx(expected["grad_row0"], abs=1e-6)
        assert gradient.abs().sum().item() == pytest.approx(expected["grad_abs_sum"], abs=1e-6)


def in_numpy(logits, labels):
    """Both losses as the definition has them, summed over classes in plain loops."""
    ordinary, reverse = [], []
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        p = np.exp(np.array(row) - max(row))
        p = np.clip(p / p.sum(), 1e-7, 1.0)
        q = [1.0 if k == label else 1e-4 for k in range(len(row))]
        ordinary.append(-sum(q_k * math.log(p_k) for q_k, p_k in zip(q, p, strict=True)))
        reverse.append(-sum(p_k * math.log(q_k) for q_k, p_k in zip(q, p, strict=True)))
    return ordinary, reverse


@pytest.mark.parametrize("classes", [2, 4, 21])
def test_is_the_definition(classes):
    generator = torch.Generator().manual_seed(classes)
    logits = 6 * torch.randn(12, classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, classes, (12,), generator=generator)
    found = clamped_losses(logits, labels, torch.ones(12))
    for losses, expected in zip(found, in_numpy(logits, labels), strict=True):
        assert losses.tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize("classes", [2, 3, 21, 81])
def test_what_a_sure_prediction_is_short_of_one_keeps_its_digits(classes, dtype):
    """-ln 1e-4 times the other classes' p, each at least 1e-7, for margins from 0 to 1e4."""
    margins = torch.cat([torch.linspace(0, 40, 401), torch.tensor([100.0, 1e3, 1e4])]).to(dtype)
    logits = torch.zeros(len(margins), classes, dtype=dtype)
    logits[:, -1] = margins
    _, reverse = clamped_losses(
        logits, torch.full((len(margins),), classes - 1), torch.ones(len(margins))
    )
    others = [
        max(math.exp(-m) / (1 + (classes - 1) * math.exp(-m)), 1e-7) for m in margins.tolist()
    ]
    expected = [4 * math.log(10) * (classes - 1) * p for p in others]
    assert reverse.tolist() == pytest.approx(expected, rel=1e-5)


def test_weights_change_nothing():
    """A plain mean over all RoIs; of a RoI with weight 0 the place in the divisor is left."""
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    labels = torch.tensor([0, 3, 1, 2, 0, 3])
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0, 1.0, 0.25], dtype=torch.float64)
    code = {"convention": "lncis-code"}
    uneven = reduced("sce", logits, labels, weights, **code)
    torch.testing.assert_close(uneven, reduced("sce", logits, labels, torch.ones(6), **code))
    weights[4] = 0.0
    ordinary, reverse = in_numpy(logits, labels)
    expected = (
        sum(o + 0.1 * r for i, (o, r) in enumerate(zip(ordinary, reverse, strict=True)) if i != 4)
        / 6
    )
    assert reduced("sce", logits, labels, weights, **code).item() == pytest.approx(expected)


def test_the_code_isolates_nothing():
    """A RoI with cross entropy 11.5, far above gamma, keeps its reverse loss, whatever is asked."""
    logits = torch.tensor([[0.0, 11.5, 0.0]], dtype=torch.float64)
    labels = torch.tensor([0])
    for isolate in (True, False):
        loss = reduced(
            "lncis", logits, labels, torch.ones(1), convention="lncis-code", isolate=isolate
        )
        assert loss.item() == pytest.approx(in_numpy(logits, labels)[1][0])


@pytest.mark.parametrize(
    "row", [[0.0, 11.5, 0.0], [-20.0, 0.0, 0.0], [0.0] * 81, [3.0, 0.0]], ids=len
)
def test_its_first_stage_is_mmdets_cross_entropy_unclamped(row):
    """The authors' first configuration has mmdet's own loss: weights count, p has no floor."""
    logits = torch.tensor([row, row[::-1]], dtype=torch.float64)
    labels = torch.tensor([0, len(row) - 1])
    weights = torch.tensor([3.0, 1.0])
    loss = reduced("lncis", logits, labels, weights, convention="lncis-code", e1=1.0)
    total = math.log(sum(map(math.exp, row)))
    assert loss.item() == pytest.approx((3 * (total - row[0]) + total - row[0]) / 2)


def test_the_papers_convention_is_not_the_codes():
    assert check_convention("lncis-code") is True
    assert check_convention("paper") is False


def test_other_conventions_are_refused():
    with pytest.raises(ValueError, match="convention must be paper or lncis-code, got v2"):
        check_convention("v2")
