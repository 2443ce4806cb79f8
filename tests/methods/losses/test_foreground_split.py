"""LNCIS with another loss in the place of reverse cross entropy."""

import math
from itertools import pairwise, product

import pytest
import torch

from noisyseg.methods.built_in import METHODS
from noisyseg.methods.context import ANNOTATION_IDS, LossContext, needs
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.foreground_split import split
from noisyseg.methods.losses.lncis import lncis
from noisyseg.methods.losses.symmetric_cross_entropy import reverse_cross_entropy
from noisyseg.methods.method import GIVEN
from noisyseg.methods.registry import resolve

LOGITS = 4 * torch.randn(60, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
LABELS = torch.arange(60) % 4
SPLITS = sorted(name for name in METHODS if name.startswith("split("))
E7 = math.exp(7.0)
PAPERS = {"gamma": 6.0, "e1": 0.5, "isolate": True}


def context(epoch, num_epochs, count=60, num_classes=3):
    return LossContext(
        num_classes=num_classes,
        epoch=epoch,
        num_epochs=num_epochs,
        weights=torch.ones(count),
        annotation_ids=torch.arange(count),
    )


def constant(logits, labels, *, height=-3.0):
    """A robust loss that no other loss looks like."""
    return height + 0.0 * logits.sum(dim=1)


def one(odds, label, **parameters):
    """The second stage's loss of a RoI with these odds, background last."""
    logits = torch.tensor([odds], dtype=torch.float64).log()
    ctx = context(1, 2, count=1, num_classes=len(odds) - 1)
    return split(constant)(logits, torch.tensor([label]), ctx, **parameters).item()


@pytest.mark.parametrize(
    ("odds", "label", "expected"),
    [
        pytest.param([1, 1, 2], 2, math.log(2), id="N"),
        pytest.param([E7, 1, 1], 2, math.log(E7 + 2), id="N, however unlikely"),
        pytest.param([1, 1, 2], 0, math.log(4), id="PSN"),
        pytest.param([1, 1, E7], 0, math.log(E7 + 2), id="PSN and PON"),
        pytest.param([1, E7, 1], 0, 0.0, id="PON outside PSN"),
        pytest.param([1, 2, 1], 0, -3.0, id="other, predicted as another class"),
        pytest.param([2, 1, 1], 0, -3.0, id="other, predicted as its label"),
        pytest.param([2, 1, 2], 0, -3.0, id="other, as likely as background"),
    ],
)
def test_each_kind_of_roi_has_its_loss(odds, label, expected):
    assert one(odds, label) == pytest.approx(expected)


def test_parameters_of_the_split_and_of_the_loss_are_used():
    assert one([1, E7, 1], 0, isolate=False) == -3.0
    assert one([1, E7, 1], 0, gamma=8.0) == -3.0
    assert one([1, 2, 1], 0, gamma=1.0) == 0.0  # log 4 = 1.39
    assert one([2, 1, 1], 0, height=-5.0) == -5.0
    assert one([1, 1, 2], 0, e1=1.0) == one([1, 1, 2], 0)
    assert one([2, 1, 1], 0, e1=1.0) == pytest.approx(math.log(2))


@pytest.mark.parametrize("isolate", [True, False])
@pytest.mark.parametrize("gamma", [0.5, 6.0])
@pytest.mark.parametrize("log_zero", [-4.0, -9.0])
@pytest.mark.parametrize("e1", [0.0, 0.4, 1.0])
def test_with_reverse_cross_entropy_it_is_lncis(isolate, gamma, log_zero, e1):
    parameters = {"isolate": isolate, "gamma": gamma, "log_zero": log_zero, "e1": e1}
    loss = split(reverse_cross_entropy)
    for epoch in range(5):
        ctx = context(epoch, 5)
        expected = lncis(LOGITS, LABELS, ctx, **parameters)
        assert torch.equal(loss(LOGITS, LABELS, ctx, **parameters), expected)


def test_defaults_with_reverse_cross_entropy_are_those_of_lncis():
    for epoch in range(12):
        ctx = context(epoch, 12)
        loss = split(reverse_cross_entropy)(LOGITS, LABELS, ctx)
        assert torch.equal(loss, lncis(LOGITS, LABELS, ctx))


@pytest.mark.parametrize("name", SPLITS)
def test_the_first_half_is_cross_entropy_and_the_second_is_not(name):
    plain = cross_entropy(LOGITS, LABELS)
    method = resolve(name, {}).start()
    equal = [torch.equal(method.loss(LOGITS, LABELS, context(e, 6)), plain) for e in range(6)]
    assert equal == [True] * 3 + [False] * 3


@pytest.mark.parametrize("name", SPLITS)
def test_the_second_stage_is_put_together_of_the_losses_themselves(name):
    """Each RoI by eq. 4 in plain Python, the robust loss from its own method."""
    ctx = context(1, 2)
    robust = resolve(name.removeprefix("split(").removesuffix(")"), {}).start()
    values = robust.loss(LOGITS, LABELS, ctx).tolist()
    expected = []
    for row, label, value in zip(LOGITS.tolist(), LABELS.tolist(), values, strict=True):
        cross = math.log(sum(map(math.exp, row))) - row[label]
        if label == 3 or row[3] > max(row[:3]):
            expected.append(cross)
        else:
            expected.append(0.0 if cross > 6.0 else value)
    found = resolve(name, {}).start().loss(LOGITS, LABELS, ctx)
    assert found.tolist() == pytest.approx(expected, abs=1e-9)
    assert 0.0 in expected
    assert set(expected) & set(values)


@pytest.mark.parametrize("name", SPLITS)
def test_parameters_are_the_robust_losss_and_the_splits(name):
    """None of one is hidden by one of the other, and the defaults are as they were."""
    theirs = METHODS[name.removeprefix("split(").removesuffix(")")].defaults
    assert not set(theirs) & set(PAPERS)
    assert METHODS[name].defaults == PAPERS | theirs


@pytest.mark.parametrize("name", SPLITS)
def test_parameters_of_the_robust_loss_reach_it(name):
    """Each changes the loss of RoIs that neither cross entropy nor 0 is for, and of no others."""
    changed = {"q": 0.6, "alpha": 3.0, "beta": 2.0, "log_zero": -8.0, "pi": 0.2}
    robust = METHODS[name.removeprefix("split(").removesuffix(")")].defaults
    ctx = context(1, 2)
    loss = resolve(name, {}).start().loss(LOGITS, LABELS, ctx)
    rest = split(constant)(LOGITS, LABELS, ctx) == -3.0
    for key in set(robust) & set(changed):
        other = resolve(name, {key: changed[key]}).start().loss(LOGITS, LABELS, ctx)
        assert torch.equal(other != loss, rest)


@pytest.mark.parametrize("name", SPLITS)
def test_every_parameter_of_a_robust_loss_is_tried_above(name):
    robust = METHODS[name.removeprefix("split(").removesuffix(")")].defaults
    assert set(robust) <= {"q", "alpha", "beta", "log_zero", "pi", "convention"}


def test_the_gradient_of_an_isolated_roi_is_nothing():
    logits = torch.tensor([[0.0, 7.0, 0.0], [1.0, 0.0, 0.0]], dtype=torch.float64).requires_grad_()
    ctx = context(1, 2, count=2, num_classes=2)
    loss = split(reverse_cross_entropy)(logits, torch.tensor([0, 0]), ctx)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    assert gradient[0].tolist() == [0.0, 0.0, 0.0]
    assert gradient[1, 0].item() < 0


def test_a_loss_that_needs_more_makes_a_split_that_needs_it():
    @needs(ANNOTATION_IDS)
    def knowing(logits, labels, ctx):
        return logits.sum(dim=1) * 0.0 + ctx.annotation_ids

    assert split(knowing).needs == (ANNOTATION_IDS,)
    assert split(constant).needs == ()
    logits = torch.tensor([[2.0, 0.0, 0.0]] * 3)
    ctx = context(1, 2, count=3, num_classes=2)
    assert split(knowing)(logits, torch.zeros(3).long(), ctx).tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("epoch", [0, 1], ids=["first stage", "second stage"])
@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("split(gce)", {"q": 0.0}, "q must be in"),
        ("split(sce)", {"convention": "code"}, "convention must be"),
        ("split(gjs)", {"pi": 1.0}, "pi must be in"),
        ("split(mae)", {"gamma": -1.0}, "gamma must be"),
        ("split(mae)", {"e1": 2.0}, "e1 is a fraction"),
    ],
)
def test_values_outside_their_range_are_refused_in_both_stages(epoch, name, parameters, message):
    loss = METHODS[name].load()
    with pytest.raises(ValueError, match=message):
        loss(LOGITS, LABELS, context(epoch, 2), **parameters)


def test_the_splits_of_the_issue_are_there():
    assert {"split(gce)", "split(mae)", "split(sce)", "split(nce-rce)"} <= set(SPLITS)
    assert all(given not in METHODS[name].defaults for name, given in product(SPLITS, GIVEN))


def test_e1_says_when_the_second_stage_begins():
    loss = split(constant)
    starts = []
    for tenths in range(11):
        changed = [
            (loss(LOGITS, LABELS, context(e, 10), e1=tenths / 10) == -3.0).any().item()
            for e in range(10)
        ]
        assert all(not before or after for before, after in pairwise(changed))
        starts.append(changed.count(False))
    assert starts == list(range(11))
