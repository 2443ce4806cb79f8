import math

import pytest
import torch

from noisyseg.methods.context import LossContext
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.small_loss import small_loss

BACKGROUND = 2


def context(weights, *, epoch=99, num_epochs=100, within_epoch=0.0):
    return LossContext(
        num_classes=BACKGROUND,
        epoch=epoch,
        num_epochs=num_epochs,
        within_epoch=within_epoch,
        weights=torch.as_tensor(weights),
        annotation_ids=None,
    )


def scores(margins):
    """Logits of label 0 whose cross entropy falls as the margin grows."""
    logits = torch.zeros(len(margins), BACKGROUND + 1, dtype=torch.float64)
    logits[:, 0] = torch.tensor(margins, dtype=torch.float64)
    return logits


def kept(margins, labels=None, weights=None, *, when=(99, 100, 0.0), **parameters):
    """The places whose loss is not 0; it then has to be cross entropy.

    When: epoch, epochs of the training, share of the epoch already done.
    """
    epoch, num_epochs, within = when
    count = len(margins)
    logits = scores(margins)
    labels = torch.tensor(labels or [0] * count)
    weights = weights or [1.0] * count
    ctx = context(weights, epoch=epoch, num_epochs=num_epochs, within_epoch=within)
    loss = small_loss(logits, labels, ctx, **parameters)
    chosen = (loss != 0).nonzero().squeeze(1)
    torch.testing.assert_close(loss[chosen], cross_entropy(logits, labels)[chosen])
    return chosen.tolist()


def test_the_largest_losses_are_left_out():
    assert kept([3.0, -1.0, 2.0, 5.0, 0.0]) == [0, 2, 3, 4]
    assert kept([3.0, -1.0, 2.0, 5.0, 0.0], forget=0.4) == [0, 2, 3]


@pytest.mark.parametrize(
    ("count", "forget", "number"),
    [
        (1, 0.2, 1),
        (4, 0.2, 4),
        (5, 0.2, 4),
        (9, 0.2, 8),
        (10, 0.2, 8),
        (100, 0.29, 71),
        (10, 0.7, 3),
        (10, 0.0, 10),
        (10, 1.0, 0),
    ],
)
def test_the_least_number_that_reaches_the_share_is_kept(count, forget, number):
    """|D'| >= R |D| (algorithm 1, step 4); 0.29 * 100 is below 29 in floating point."""
    assert len(kept([0.1 * i for i in range(count)], forget=forget)) == number


@pytest.mark.parametrize(
    ("epoch", "number"), [(0, 100), (1, 98), (5, 90), (9, 82), (10, 80), (11, 80), (199, 80)]
)
def test_share_falls_over_the_papers_ten_epochs_of_200(epoch, number):
    """R(T) = 1 - min(T / T_k * tau, tau), tau = 0.2."""
    margins = [0.1 * i for i in range(100)]
    assert len(kept(margins, when=(epoch, 200, 0.0))) == number


@pytest.mark.parametrize(
    ("num_epochs", "iterations", "parameters"),
    [
        (12, 100, {}),  # the ramp is 60 iterations of the first epoch
        (12, 7330, {}),  # COCO's
        (1, 40, {}),
        (64, 3, {"ramp": 0.1}),  # 19.2 iterations
        (12, 10, {"ramp": 1.0, "forget": 0.4}),
    ],
)
def test_the_ramp_counts_iterations(num_epochs, iterations, parameters):
    """R falls by tau / T_k an iteration, T_k in iterations; 1000 RoIs, the least number kept."""
    ramp, forget = parameters.get("ramp", 0.05), parameters.get("forget", 0.2)
    last = ramp * num_epochs * iterations
    margins = [0.01 * i for i in range(1000)]
    for part in (0.0, 0.001, 0.1, 0.5, 0.83, 1.0, 1.2):
        iteration = min(math.ceil(part * last), num_epochs * iterations - 1)
        epoch, within = divmod(iteration, iterations)
        left_out = math.floor(1000 * forget * min(iteration / last, 1.0) + 1e-6)
        found = kept(margins, when=(epoch, num_epochs, within / iterations), **parameters)
        assert len(found) == 1000 - left_out


def test_of_twelve_epochs_the_second_does_not_begin_where_nothing_was_left_out_before():
    """By whole epochs R was 1 in the first and 1 - tau from the second on: no ramp at all."""
    margins = [0.1 * i for i in range(100)]
    numbers = [len(kept(margins, when=(0, 12, within))) for within in (0, 0.15, 0.3, 0.45, 0.6)]
    assert numbers == [100, 95, 90, 85, 80]
    assert [len(kept(margins, when=(epoch, 12, 0.0))) for epoch in range(1, 12)] == [80] * 11


def test_ramp_is_a_share_of_the_epochs():
    margins = [0.1 * i for i in range(100)]
    numbers = [len(kept(margins, when=(e, 8, 0.0), ramp=0.5)) for e in range(8)]
    assert numbers == [100, 95, 90, 85, 80, 80, 80, 80]


def test_of_equal_losses_the_later_are_left_out():
    assert kept([1.0] * 5, forget=0.4) == [0, 1, 2]


def test_negatives_keep_cross_entropy_and_are_not_counted():
    """Five positives among negatives of the largest losses: one positive goes."""
    margins = [9.0, 3.0, 9.0, -1.0, 2.0, 5.0, 0.0, 9.0]
    labels = [BACKGROUND, 0, BACKGROUND, 0, 0, 0, 0, BACKGROUND]
    assert kept(margins, labels) == [0, 1, 2, 4, 5, 6, 7]


def test_rois_without_weight_are_neither_counted_nor_chosen():
    """Of five with weight one goes, whatever the losses of three without."""
    margins = [3.0, -1.0, 2.0, 5.0, 0.0]
    for others in (-50.0, 1.0, 50.0):
        weights = [1.0, 0.0, 0.5, 1.0, 0.0, 1.0, 0.5, 0.0]
        mixed = [3.0, others, -1.0, 2.0, others, 5.0, 0.0, others]
        assert set(kept(mixed, weights=weights)) & {0, 2, 3, 5, 6} == {0, 3, 5, 6}
    assert kept(margins) == [0, 2, 3, 4]


def test_gradient_is_cross_entropys_for_the_kept_and_none_for_others():
    logits = scores([3.0, -1.0, 2.0, 5.0, 0.0]).requires_grad_()
    loss = small_loss(logits, torch.zeros(5, dtype=torch.long), context([1.0] * 5))
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    expected = logits.detach().softmax(dim=1) - torch.tensor([1.0, 0.0, 0.0])
    expected[1] = 0.0
    torch.testing.assert_close(gradient, expected)


def test_a_batch_without_positives():
    assert kept([1.0, 2.0], [BACKGROUND, BACKGROUND]) == [0, 1]


def test_one_class():
    logits = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 5.0]])
    ctx = LossContext(
        num_classes=1, epoch=3, num_epochs=4, weights=torch.ones(3), annotation_ids=None
    )
    loss = small_loss(logits, torch.tensor([0, 0, 1]), ctx, forget=0.5)
    expected = [math.log1p(math.exp(-2)), 0.0, math.log1p(math.exp(-5))]
    assert loss.tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"forget": -0.1}, "forget must be"),
        ({"forget": 1.1}, "forget must be"),
        ({"forget": math.nan}, "forget must be"),
        ({"ramp": 0.0}, "ramp must be"),
        ({"ramp": 1.5}, "ramp must be"),
    ],
)
def test_values_outside_their_range_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        small_loss(scores([1.0]), torch.tensor([0]), context([1.0]), **parameters)
