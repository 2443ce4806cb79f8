import math

import pytest
import torch

from noisyseg.methods.context import LossContext
from noisyseg.methods.cross_entropy import cross_entropy
from noisyseg.methods.lncis import lncis, separated_losses
from noisyseg.methods.symmetric_cross_entropy import reverse_cross_entropy

LOGITS = torch.randn(6, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 3, 0, 1])


def context(epoch, num_epochs, count=6):
    return LossContext(
        num_classes=3,
        epoch=epoch,
        num_epochs=num_epochs,
        weights=torch.ones(count),
        annotation_ids=None,
    )


def one(odds, label, **parameters):
    """Loss of one RoI whose class probabilities stand in the given odds, and its gradient."""
    logits = torch.tensor([odds], dtype=torch.float64).log().requires_grad_()
    loss = separated_losses(logits, torch.tensor([label]), **parameters)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    return loss.item(), gradient.abs().sum().item()


E5 = 1e5  # log(1e5) = 11.5 nats: well above gamma = 6


@pytest.mark.parametrize(
    ("odds", "label", "expected"),
    [
        pytest.param([1, 1, 2], 2, math.log(2), id="N, classified right: CE"),
        pytest.param([E5, 1, 1], 2, math.log(E5 + 2), id="N, far off: CE, never isolated"),
        pytest.param([1, 1, 2], 0, math.log(4), id="PSN: CE"),
        pytest.param([1, 1, E5], 0, math.log(E5 + 2), id="PSN and PON: CE"),
        pytest.param([1, E5, 1], 0, 0.0, id="PON: isolated"),
        pytest.param([2, 1, 1], 0, 4 * (1 - 1 / 2), id="other, classified right: RCE"),
        pytest.param([1, 2, 1], 0, 4 * (1 - 1 / 4), id="other, classified as another class: RCE"),
        pytest.param([2, 1, 2], 1, 4 * (1 - 1 / 5), id="tie of background and object: not PSN"),
    ],
)
def test_each_kind_of_sample_has_its_loss(odds, label, expected):
    loss, gradient = one(odds, label)
    assert loss == pytest.approx(expected)
    assert (gradient == 0.0) == (expected == 0.0)


def test_a_sample_exactly_at_gamma_is_not_isolated():
    at = cross_entropy(torch.zeros(1, 3, dtype=torch.float64), torch.tensor([0])).item()
    assert one([1, 1, 1], 0, gamma=at)[0] == pytest.approx(4 * 2 / 3)
    assert one([1, 1, 1], 0, gamma=at - 1e-9)[0] == 0.0


def test_log_zero_scales_the_reverse_term_alone():
    assert one([1, 2, 1], 0, log_zero=-9.0)[0] == pytest.approx(9 * 3 / 4)
    assert one([1, 1, 2], 0, log_zero=-9.0)[0] == pytest.approx(math.log(4))


def test_membership_carries_no_gradient():
    """Each sample's gradient is that of its own loss, as if the sets were given."""
    logits = LOGITS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(separated_losses(logits, LABELS).sum(), logits)
    background = LOGITS.argmax(dim=1) == 3
    ordinary = (LABELS == 3) | background
    assert 0 < ordinary.sum() < 6
    chosen = torch.where(
        ordinary, cross_entropy(logits, LABELS), reverse_cross_entropy(logits, LABELS)
    )
    (expected,) = torch.autograd.grad(chosen.sum(), logits)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize(
    ("num_epochs", "parameters", "first_stage"),
    [
        (12, {}, 6),  # the paper's VOC and COCO: E1 = 6
        (64, {}, 32),  # Cityscapes: E1 = 32
        (5, {}, 2),  # epochs <= 2.5
        (1, {}, 0),
        (10, {"e1": 0.0}, 0),
        (10, {"e1": 1.0}, 10),
        (100, {"e1": 0.29}, 29),
    ],
)
def test_cross_entropy_until_e1(num_epochs, parameters, first_stage):
    first, second = cross_entropy(LOGITS, LABELS), separated_losses(LOGITS, LABELS)
    assert not torch.equal(first, second)
    for epoch in range(num_epochs):
        loss = lncis(LOGITS, LABELS, context(epoch, num_epochs), **parameters)
        assert torch.equal(loss, first if epoch < first_stage else second)


def test_parameters_reach_the_second_stage():
    loss = lncis(LOGITS, LABELS, context(1, 2), gamma=0.5, log_zero=-7.0)
    torch.testing.assert_close(loss, separated_losses(LOGITS, LABELS, gamma=0.5, log_zero=-7.0))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"gamma": -1.0}, "gamma must be"),
        ({"log_zero": 4.0}, "log_zero must be"),
        ({"e1": 6.0}, "fraction of the epochs"),
        ({"e1": math.nan}, "fraction of the epochs"),
    ],
)
def test_values_outside_their_range_are_refused_in_the_first_stage(parameters, message):
    with pytest.raises(ValueError, match=message):
        lncis(LOGITS, LABELS, context(0, 2), **parameters)


OFF = {"negatives": False, "pseudo_negatives": False, "isolate": False}
RCE = {  # of each kind of sample: its odds, its label, and A * (p_y - 1)
    "N": ([E5, 1, 1], 2, 4 * (1 - 1 / (E5 + 2))),
    "PSN": ([1, 1, 2], 0, 4 * (1 - 1 / 4)),
    "PSN and PON": ([1, 1, E5], 0, 4 * (1 - 1 / (E5 + 2))),
    "PON": ([1, E5, 1], 0, 4 * (1 - 1 / (E5 + 2))),
    "other": ([2, 1, 1], 0, 4 * (1 - 1 / 2)),
}
GIVEN_BACK = {
    "negatives": {"N": math.log(E5 + 2)},
    "pseudo_negatives": {"PSN": math.log(4), "PSN and PON": math.log(E5 + 2)},
    "isolate": {"PON": 0.0},
}


@pytest.mark.parametrize("on", [(), *((name,) for name in OFF), tuple(OFF)], ids=repr)
@pytest.mark.parametrize("kind", RCE)
def test_a_component_of_the_ablation_changes_its_own_samples_alone(kind, on):
    """Table 4's N, PSN and PON; with all of them off, every sample has reverse cross entropy."""
    odds, label, expected = RCE[kind]
    for name in on:
        expected = GIVEN_BACK[name].get(kind, expected)
    loss, _ = one(odds, label, **(OFF | dict.fromkeys(on, True)))
    assert loss == pytest.approx(expected)


def test_without_stages_the_separated_losses_begin_at_once_with_every_switch():
    for switches in ({}, OFF):
        loss = lncis(LOGITS, LABELS, context(0, 12), stage_wise=False, **switches)
        assert torch.equal(loss, separated_losses(LOGITS, LABELS, **switches))
    assert torch.equal(
        lncis(LOGITS, LABELS, context(0, 12), stage_wise=True, **OFF),
        cross_entropy(LOGITS, LABELS),
    )
