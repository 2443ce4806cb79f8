"""Early-learning regularisation, against its equations 6 and 9 in plain Python."""

import io
import math

import pytest
import torch

from noisyseg.methods.context import ANNOTATION_IDS, LossContext
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.early_learning import EarlyLearning
from noisyseg.methods.registry import resolve

BACKGROUND = 3
LABELS = torch.tensor([0, 1, 0, 3, 2, 1, 3])
IDS = torch.tensor([5, 8, 5, -1, 2, 8, -1])
WEIGHTS = torch.tensor([1.0, 0.5, 2.0, 1.0, 1.0, 0.0, 0.0])
"""RoI 5 has no weight: its annotation, 8, is that of RoI 1 too."""
POSITIVE = [0, 1, 2, 4]


def logits_of(seed):
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(len(LABELS), 4, generator=generator, dtype=torch.float64)


def context(*, ids=IDS, weights=WEIGHTS, epoch=0):
    return LossContext(
        num_classes=BACKGROUND, epoch=epoch, num_epochs=2, weights=weights, annotation_ids=ids
    )


def loss_of(method, logits, **changes):
    return method.loss(logits, LABELS, context(**changes))


class ByHand:
    """The loss with a list of numbers for each annotation; t in float32, as a memory keeps it."""

    def __init__(self, lam, beta):
        self.lam, self.beta = lam, beta
        self.targets = {}

    def loss(self, logits):
        rows = logits.tolist()
        predictions = {n: self.prediction(rows[n]) for n in POSITIVE}
        moved = {}
        for annotation in {IDS[n].item() for n in POSITIVE}:
            own = [predictions[n] for n in POSITIVE if IDS[n] == annotation]
            mean = [sum(column) / len(own) for column in zip(*own, strict=True)]
            old = self.targets.get(annotation, [0.0] * BACKGROUND)
            moved[annotation] = [
                self.beta * t + (1 - self.beta) * p for t, p in zip(old, mean, strict=True)
            ]
        self.targets |= moved
        losses = []
        for n, row in enumerate(rows):
            loss = math.log(sum(map(math.exp, row))) - row[LABELS[n]]
            if n in POSITIVE:
                target = self.targets[IDS[n].item()]
                inner = sum(p * t for p, t in zip(predictions[n], target, strict=True))
                loss += self.lam * math.log(1 - inner)
            losses.append(loss)
        return losses

    @staticmethod
    def prediction(row):
        odds = [math.exp(z) for z in row[:-1]]
        return [o / sum(odds) for o in odds]


@pytest.mark.parametrize("parameters", [{}, {"lam": 7.0, "beta": 0.9}], ids=["defaults", "others"])
def test_three_passes_by_hand(parameters):
    """Defaults are the paper's for CIFAR-10: lambda 3, beta 0.7."""
    method = EarlyLearning(**parameters)
    by_hand = ByHand(parameters.get("lam", 3.0), parameters.get("beta", 0.7))
    for seed in (0, 1, 0):
        logits = logits_of(seed)
        assert loss_of(method, logits).tolist() == pytest.approx(by_hand.loss(logits), abs=1e-6)


def test_targets_are_a_running_mean_from_zero():
    """One RoI, p = (3/4, 1/4, 0): t = 0.3 p, then 0.51 p, and p after many passes."""
    logits = torch.tensor([[math.log(3), 0.0, -1e4, 5.0]], dtype=torch.float64)
    method = EarlyLearning()
    for passes in range(1, 40):
        ctx = context(ids=torch.tensor([4]), weights=torch.ones(1))
        method.loss(logits, torch.tensor([2]), ctx)
        _, targets = method.targets.everything()
        expected = [(1 - 0.7**passes) * p for p in (0.75, 0.25, 0.0)]
        # The authors' code keeps p 1e-4 away from 0.
        assert targets[0].tolist() == pytest.approx(expected, abs=2e-4)


def test_an_annotation_moves_once_in_a_pass_however_many_rois_it_has():
    row = torch.tensor([[math.log(3), 0.0, -1e4, 5.0]], dtype=torch.float64)
    one, many = EarlyLearning(), EarlyLearning()
    for method, count in ((one, 1), (many, 6)):
        ctx = context(ids=torch.full((count,), 4), weights=torch.ones(count))
        method.loss(row.repeat(count, 1), torch.zeros(count, dtype=torch.long), ctx)
    torch.testing.assert_close(one.targets.everything(), many.targets.everything())


def test_gradient_is_the_closed_form_with_the_target_held_fixed():
    """CE: p - q over all classes. Regulariser: -lam p (t - <p,t>) / (1 - <p,t>), objects alone."""
    method = EarlyLearning()
    loss_of(method, logits_of(0))
    logits = logits_of(1).requires_grad_()
    (gradient,) = torch.autograd.grad(loss_of(method, logits).sum(), logits)
    expected = logits.detach().softmax(dim=1) - torch.nn.functional.one_hot(LABELS, 4)
    numbers, values = method.targets.everything()
    targets = dict(zip(numbers.tolist(), values.double(), strict=True))
    for n in POSITIVE:
        p, t = logits.detach()[n, :-1].softmax(dim=0), targets[IDS[n].item()]
        expected[n, :-1] -= 3.0 * p * (t - p @ t) / (1 - p @ t)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-6)


def test_the_regulariser_outweighs_a_wrong_label_once_the_target_is_sure():
    """The paper's point: p and t on another class than the label, the gradient raises that class.

    CE alone would lower it: its gradient there is p > 0.
    """
    logits = torch.tensor([[0.0, 4.0, 0.0, -9.0]], dtype=torch.float64).requires_grad_()
    ctx = context(ids=torch.tensor([4]), weights=torch.ones(1))
    label = torch.tensor([0])
    method = EarlyLearning()
    signs = []
    for _ in range(20):
        (gradient,) = torch.autograd.grad(method.loss(logits, label, ctx).sum(), logits)
        signs.append(gradient[0, 1].item() > 0)
    assert signs[0]
    assert not signs[-1]


def test_negatives_and_rois_without_weight_have_cross_entropy_and_leave_no_trace():
    method = EarlyLearning()
    logits = logits_of(0)
    loss = loss_of(method, logits)
    others = [n for n in range(len(LABELS)) if n not in POSITIVE]
    assert torch.equal(loss[others], cross_entropy(logits, LABELS)[others])
    assert not loss[POSITIVE].isclose(cross_entropy(logits, LABELS)[POSITIVE]).any()
    changed = logits.clone()
    changed[others] = torch.tensor([9.0, -9.0, 4.0, 1.0], dtype=torch.float64)
    fresh = EarlyLearning()
    assert torch.equal(loss_of(fresh, changed)[POSITIVE], loss[POSITIVE])
    assert sorted(method.targets.everything()[0].tolist()) == [2, 5, 8]
    assert torch.equal(method.targets.everything()[1], fresh.targets.everything()[1])


def test_an_annotation_out_of_the_batch_keeps_its_target():
    method = EarlyLearning()
    loss_of(method, logits_of(0))
    before = dict(zip(*(part.tolist() for part in method.targets.everything()), strict=True))
    loss_of(method, logits_of(1), weights=WEIGHTS * (IDS == 5))
    after = dict(zip(*(part.tolist() for part in method.targets.everything()), strict=True))
    assert {number for number in before if before[number] != after[number]} == {5}


@pytest.mark.parametrize("parameters", [{"lam": 0.0}, {"beta": 1.0}], ids=str)
def test_without_the_term_or_with_targets_at_zero_it_is_cross_entropy(parameters):
    method = EarlyLearning(**parameters)
    for seed in (0, 1):
        logits = logits_of(seed)
        torch.testing.assert_close(loss_of(method, logits), cross_entropy(logits, LABELS))


def test_beta_zero_takes_the_prediction_as_its_own_target():
    logits = torch.tensor([[math.log(3), 0.0, -1e4, 5.0]], dtype=torch.float64)
    ctx = context(ids=torch.tensor([4]), weights=torch.ones(1))
    label = torch.tensor([0])
    loss = EarlyLearning(beta=0.0).loss(logits, label, ctx)
    expected = cross_entropy(logits, label).item() + 3 * math.log(1 - (9 + 1) / 16)
    assert loss.item() == pytest.approx(expected, abs=1e-3)


def test_a_state_from_a_file_goes_on_as_if_not_stopped():
    whole, first = EarlyLearning(), EarlyLearning()
    for method in (whole, first):
        loss_of(method, logits_of(0))
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = EarlyLearning()
    second.load_state_dict(torch.load(file, weights_only=True))
    for seed in (1, 2):
        logits = logits_of(seed)
        assert torch.equal(loss_of(second, logits), loss_of(whole, logits))
    fresh = loss_of(EarlyLearning(), logits_of(1))
    assert not torch.equal(fresh, loss_of(second, logits_of(1)))


def test_it_asks_for_annotation_ids():
    assert resolve("elr", {}).start().needs == (ANNOTATION_IDS,)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"lam": -0.1}, "lam must be at least 0"),
        ({"lam": math.nan}, "lam must be at least 0"),
        ({"beta": -0.1}, r"beta must be in \[0, 1\]"),
        ({"beta": 1.1}, r"beta must be in \[0, 1\]"),
        ({"beta": math.nan}, r"beta must be in \[0, 1\]"),
    ],
)
def test_values_outside_their_range_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        EarlyLearning(**parameters)
