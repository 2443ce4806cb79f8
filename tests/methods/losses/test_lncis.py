import math
from itertools import product

import pytest
import torch

from noisyseg.methods.context import LossContext
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.lncis import lncis, schedule, separate, separated_losses
from noisyseg.methods.losses.symmetric_cross_entropy import reverse_cross_entropy

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


OFF = {"negatives": False, "pseudo_negatives": False, "isolate": False}
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
        ({"log_zero": 0.0}, "log_zero must be"),
        ({"log_zero": 0.5}, "log_zero must be"),
        ({"e1": -0.5}, "fraction of the epochs"),
        ({"e1": 6.0}, "fraction of the epochs"),
        ({"e1": math.nan}, "fraction of the epochs"),
    ],
)
def test_values_outside_their_range_are_refused_in_the_first_stage(parameters, message):
    with pytest.raises(ValueError, match=message):
        lncis(LOGITS, LABELS, context(0, 2), **parameters)


def eq_4(row, label, ordinary, robust, *, gamma, negatives, pseudo_negatives, isolate):
    """The loss of one RoI, of two given ones, in plain Python."""
    top = max(row)
    cross = math.log(sum(math.exp(z - top) for z in row)) + top - row[label]
    if label == len(row) - 1:
        return ordinary if negatives else robust
    if row[-1] > max(row[:-1]):
        return ordinary if pseudo_negatives else robust
    return 0.0 if isolate and cross > gamma else robust


@pytest.mark.parametrize("switches", list(product([True, False], repeat=3)), ids=str)
@pytest.mark.parametrize("num_classes", [1, 2])
def test_any_two_losses_are_put_together_by_eq_4(num_classes, switches):
    """Every pattern of logits under every label; `ordinary` and `robust` are mere numbers."""
    columns = num_classes + 1
    rows = list(product([-5.0, 0.0, 3.0, 5.0], repeat=columns))
    logits = torch.tensor(rows, dtype=torch.float64).repeat_interleave(columns, dim=0)
    labels = torch.arange(columns).repeat(len(rows))
    ordinary = torch.arange(1.0, len(labels) + 1, dtype=torch.float64)
    parameters = dict(zip(OFF, switches, strict=True)) | {"gamma": 0.6}
    found = separate(logits, labels, ordinary=ordinary, robust=-ordinary, **parameters)
    expected = [
        eq_4(*roi, **parameters)
        for roi in zip(
            logits.tolist(), labels.tolist(), ordinary.tolist(), (-ordinary).tolist(), strict=True
        )
    ]
    assert found.tolist() == expected
    assert (0.0 in expected) == parameters["isolate"]


def test_e1_at_its_ends_is_table_4s_row_without_stages_and_plain_cross_entropy():
    for epoch in range(12):
        ctx = context(epoch, 12)
        assert torch.equal(
            lncis(LOGITS, LABELS, ctx, e1=0.0), lncis(LOGITS, LABELS, ctx, stage_wise=False)
        )
        assert torch.equal(lncis(LOGITS, LABELS, ctx, e1=1.0), cross_entropy(LOGITS, LABELS))


@pytest.mark.parametrize(
    ("odds", "label", "expected"),
    [
        pytest.param([E5, 1], 1, math.log(E5 + 1), id="N"),
        pytest.param([1, E5], 0, math.log(E5 + 1), id="PSN and PON"),
        pytest.param([1, 1], 0, 4 / 2, id="tie"),
        pytest.param([3, 1], 0, 4 / 4, id="other"),
    ],
)
def test_with_one_class(odds, label, expected):
    assert one(odds, label)[0] == pytest.approx(expected)


def test_isolated_rois_stay_in_the_divisor_and_rois_of_weight_zero_do_not():
    """An isolated RoI, one with 4 (1 - 1/2), and one of weight 0, in the adapter's reduction."""
    odds = torch.tensor([[1, E5, 1], [2, 1, 1], [1, 1, 2]], dtype=torch.float64)
    weights = torch.tensor([1.0, 1.0, 0.0])
    loss = lncis(odds.log(), torch.tensor([0, 0, 0]), context(1, 2, count=3))
    reduced = (weights * loss).sum() / torch.count_nonzero(weights)
    assert reduced.item() == pytest.approx((0.0 + 2.0) / 2)


@pytest.mark.parametrize("convention", ["paper", "lncis-code"])
@pytest.mark.parametrize("epoch", [0, 1], ids=["first stage", "second stage"])
def test_a_roi_of_weight_zero_is_of_no_account_to_the_others(convention, epoch):
    weights = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    ctx = LossContext(
        num_classes=3, epoch=epoch, num_epochs=2, weights=weights, annotation_ids=None
    )
    other = LOGITS.clone()
    other[weights == 0] = torch.tensor([-1e4, 1e4, 0.0, 3.0], dtype=torch.float64)
    before, after = (lncis(z, LABELS, ctx, convention=convention) for z in (LOGITS, other))
    assert torch.equal(before[weights > 0], after[weights > 0])


# The authors' code


@pytest.mark.parametrize(
    "without_effect", [{"gamma": 0.0}, {"log_zero": -1.0}, {"isolate": False}], ids=str
)
def test_what_the_authors_code_leaves_out_changes_nothing_in_it(without_effect):
    for epoch in (0, 1):
        plain = lncis(LOGITS, LABELS, context(epoch, 2), convention="lncis-code")
        again = lncis(LOGITS, LABELS, context(epoch, 2), convention="lncis-code", **without_effect)
        assert torch.equal(plain, again)


@pytest.mark.parametrize("convention", ["paper", "lncis-code"])
@pytest.mark.parametrize("switches", [{}, OFF], ids=["separated", "reverse alone"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_extreme_logits_under_autocast(convention, switches, dtype):
    """Every pattern of ±1e4 over two classes and background, under every label."""
    patterns = torch.tensor(list(product([-1e4, 1e4], repeat=3)))
    logits = patterns.repeat_interleave(3, dim=0).to(dtype).requires_grad_()
    labels = torch.arange(3).repeat(8)
    for epoch in (0, 1):
        with torch.autocast("cpu", torch.bfloat16):
            loss = lncis(
                logits, labels, context(epoch, 2, count=24), convention=convention, **switches
            )
        (gradient,) = torch.autograd.grad(loss.sum(), logits)
        assert loss.dtype == torch.float32
        exact = lncis(
            logits.detach().double(),
            labels,
            context(epoch, 2, count=24),
            convention=convention,
            **switches,
        )
        torch.testing.assert_close(loss.double(), exact, rtol=1e-6, atol=2e-6)
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("epoch", [0, 1], ids=["first stage", "second stage"])
def test_an_empty_batch_in_the_authors_code(epoch):
    logits = torch.zeros(0, 4, requires_grad=True)
    labels = torch.zeros(0, dtype=torch.long)
    loss = lncis(logits, labels, context(epoch, 2, count=0), convention="lncis-code")
    assert loss.shape == (0,)
    loss.sum().backward()
    assert logits.grad.shape == (0, 4)


def test_the_second_stage_lasts_to_the_end():
    assert [stage.until for stage in schedule(0.5)] == [0.5, 1.0]


def test_every_part_of_the_method_is_on_by_default():
    """The last RoI is predicted as background by a wide margin: a pseudo negative."""
    logits = torch.tensor([[3.0, 0.0, 0.0], [0.0, 0.0, 4.0]], dtype=torch.float64)
    labels, ctx = torch.tensor([0, 1]), context(1, 2, count=2)
    on = dict.fromkeys(("stage_wise", "negatives", "pseudo_negatives", "isolate"), True)
    plain = lncis(logits, labels, ctx)
    assert torch.equal(plain, lncis(logits, labels, ctx, **on))
    assert not torch.equal(plain, lncis(logits, labels, ctx, pseudo_negatives=False))


def test_an_unknown_convention_is_refused():
    with pytest.raises(ValueError, match="convention must be paper or lncis-code, got code"):
        lncis(LOGITS, LABELS, context(0, 2), convention="code")
