"""Loss correction by a transition matrix, against its theorems in plain Python."""

import io
import math

import numpy as np
import pytest
import torch

from noisyseg.errors import InputError
from noisyseg.methods.context import NOISE_MATRIX, LossContext
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.loss_correction import (
    BackwardCorrection,
    ForwardCorrection,
    estimate_matrix,
    inverted,
)
from noisyseg.methods.registry import resolve

K = 3
LABELS = torch.tensor([0, 1, 2, 3, 1, 3])
LOGITS = 2 * torch.randn(6, K + 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
T = torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.9, 0.1], [0.3, 0.1, 0.6]], dtype=torch.float64)
"""Not symmetric, so that T in the place of its transpose is seen."""
BOTH = pytest.mark.parametrize("correction", [ForwardCorrection, BackwardCorrection])


def context(*, epoch=0, num_epochs=2, weights=None, matrix=None, count=6, num_classes=K):
    return LossContext(
        num_classes=num_classes,
        epoch=epoch,
        num_epochs=num_epochs,
        weights=torch.ones(count) if weights is None else torch.as_tensor(weights),
        annotation_ids=None,
        noise_matrix=matrix,
    )


def given(correction, matrix, logits=LOGITS, labels=LABELS):
    ctx = context(matrix=matrix, count=len(labels), num_classes=len(matrix))
    return correction(matrix="manifest").loss(logits, labels, ctx)


def warmed_up(method, predictions, labels=None, epoch=0, **context_of):
    """A pass of the warm-up in which object classes are predicted so, background with 1/2."""
    p = torch.as_tensor(predictions, dtype=torch.float64)
    logits = torch.cat([p, torch.ones(len(p), 1, dtype=p.dtype)], dim=1).log()
    labels = torch.zeros(len(p), dtype=torch.long) if labels is None else torch.tensor(labels)
    ctx = context(epoch=epoch, count=len(p), num_classes=p.shape[1], **context_of)
    loss = method.loss(logits, labels, ctx)
    torch.testing.assert_close(loss, cross_entropy(logits, labels))


# The losses


def test_forward_is_cross_entropy_of_what_the_noisy_labels_should_be():
    """Theorem 2: -log sum_i T[i, y] p_i."""
    expected = []
    for row, y in zip(LOGITS.softmax(dim=1).tolist(), LABELS.tolist(), strict=True):
        p = row[K] if y == K else sum(T[i, y].item() * row[i] for i in range(K))
        expected.append(-math.log(p))
    assert given(ForwardCorrection, T).tolist() == pytest.approx(expected)


def test_backward_is_the_losses_of_all_classes_weighted_by_the_inverse():
    """Theorem 1: sum_j T^-1[y, j] (-log p_j), T^-1 by numpy."""
    inverse = np.linalg.inv(T.numpy())
    expected = []
    for row, y in zip(LOGITS.softmax(dim=1).tolist(), LABELS.tolist(), strict=True):
        losses = [-math.log(p) for p in row]
        expected.append(losses[K] if y == K else sum(inverse[y, j] * losses[j] for j in range(K)))
    assert given(BackwardCorrection, T).tolist() == pytest.approx(expected)


def test_backward_is_unbiased():
    """Over the labels that noise gives class y, its mean is the cross entropy of y."""
    for row in LOGITS:
        corrected = given(BackwardCorrection, T, row.repeat(K, 1), torch.arange(K))
        plain = cross_entropy(row.repeat(K, 1), torch.arange(K))
        torch.testing.assert_close(T @ corrected, plain)
        assert not torch.allclose(T.T @ corrected, plain)


def test_forward_has_its_least_mean_where_the_prediction_is_the_truth():
    """Theorem 2: under noisy labels of class y the minimiser is y itself, as under clean ones."""
    for y in range(K):
        logits = torch.zeros(1, K + 1, dtype=torch.float64).requires_grad_()
        optimizer = torch.optim.LBFGS([logits], max_iter=100, line_search_fn="strong_wolfe")

        def mean_loss(logits=logits, optimizer=optimizer, y=y):
            optimizer.zero_grad()
            loss = T[y] @ given(ForwardCorrection, T, logits.expand(K, -1), torch.arange(K))
            loss.backward()
            return loss

        optimizer.step(mean_loss)
        assert logits.softmax(dim=1)[0, y].item() > 0.99


@BOTH
def test_without_noise_it_is_cross_entropy(correction):
    torch.testing.assert_close(
        given(correction, torch.eye(K)), cross_entropy(LOGITS, LABELS), rtol=1e-6, atol=1e-6
    )


@BOTH
def test_background_is_left_as_it_is(correction):
    background = LABELS == K
    loss = given(correction, T)
    assert torch.equal(loss[background], cross_entropy(LOGITS, LABELS)[background])
    assert not loss[~background].isclose(cross_entropy(LOGITS, LABELS)[~background]).any()


def test_forward_of_a_class_that_nothing_turns_into_is_finite():
    """Column 0 of T is 0 and the RoI says class 0: the class keeps a probability of its own."""
    matrix = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    logits = torch.tensor([[0.0, 0.0, 0.0]], requires_grad=True)
    loss = given(ForwardCorrection, matrix, logits, torch.tensor([0]))
    loss.sum().backward()
    assert 10 < loss.item() < 20
    assert torch.isfinite(logits.grad).all()


def test_backward_has_a_bound_where_weights_are_negative():
    """The authors' code keeps p above 1e-7, so that -log p is 16.1 at most, whatever the logits.

    T^-1 of [[.6, .4], [.4, .6]] is [[3, -2], [-2, 3]].
    """
    matrix = torch.tensor([[0.6, 0.4], [0.4, 0.6]])
    rows = torch.tensor([[50.0, -50.0, 0.0], [1e4, -1e4, 0.0], [1e4, 1e4, 0.0]])
    logits = rows.double().requires_grad_()
    loss = given(BackwardCorrection, matrix, logits, torch.zeros(3, dtype=torch.long))
    least = -2 * 7 * math.log(10)
    assert loss.tolist() == pytest.approx([least, least, math.log(2)], rel=1e-4)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    assert gradient[:2].abs().max().item() < 1e-12


@BOTH
def test_gradient_agrees_with_finite_differences(correction):
    logits = LOGITS.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: given(correction, T, z), logits)


@pytest.mark.parametrize(
    "matrix",
    [torch.full((3, 3), 1 / 3), torch.tensor([[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1.0]])],
    ids=["uniform", "two classes alike"],
)
def test_backward_refuses_a_matrix_without_inverse_and_forward_does_not_need_one(matrix):
    with pytest.raises(ValueError, match="forward correction needs no inverse"):
        given(BackwardCorrection, matrix)
    assert torch.isfinite(given(ForwardCorrection, matrix)).all()


def test_inverse_of_a_known_matrix():
    """[[1-a, a], [b, 1-b]] has the inverse [[1-b, -a], [-b, 1-a]] / (1-a-b)."""
    a, b = 0.2, 0.3
    expected = torch.tensor([[1 - b, -a], [-b, 1 - a]], dtype=torch.float64) / (1 - a - b)
    found = inverted(torch.tensor([[1 - a, a], [b, 1 - b]], dtype=torch.float64))
    torch.testing.assert_close(found, expected)


# The matrix


def test_rows_are_the_predictions_of_the_rois_that_are_most_surely_a_class():
    predictions = torch.tensor([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.1, 0.9]])
    assert torch.equal(estimate_matrix(predictions, 100.0), predictions[[0, 3]])
    # The most sure is the percentile itself and passed over; what is predicted as the class is two.
    assert torch.equal(estimate_matrix(predictions, 97.0), predictions[[2, 1]])
    # All are passed over: more than half of a class's own.
    assert torch.equal(estimate_matrix(predictions, 0.0), predictions[[0, 3]])


def authors_rows(predictions, percentile):
    """The RoI of each row by the rule of their estimator, in numpy.

    The largest p(i) strictly below the percentile, which is the sample at or above its place. Their
    code writes 0 over what it passes over, and reads later rows from that: not done here.
    """
    rows = []
    for p in predictions.numpy().T:
        below = np.where(p < np.percentile(p, percentile, method="higher"), p, 0.0)
        rows.append(int(below.argmax()))
    return rows


def test_the_percentile_itself_is_passed_over():
    """Of 101 RoIs with p = 0, 0.01, …, 1 the 97th percentile is 0.97 and the next below is 0.96."""
    sure = torch.linspace(0.0, 1.0, 101, dtype=torch.float64)
    predictions = torch.stack([sure, 1 - sure], dim=1)
    found = estimate_matrix(predictions, 97.0)
    assert found.diagonal().tolist() == pytest.approx([0.96, 0.96])
    assert found.sum(dim=1).tolist() == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("percentile", [96.0, 97.0, 99.0, 99.9])
@pytest.mark.parametrize(("count", "classes"), [(60, 2), (101, 2), (1000, 4), (999, 10)])
def test_of_few_classes_the_rows_are_those_of_the_authors_code(count, classes, percentile):
    """As many RoIs of each class, each with its own p of some 0.2 to 1, as on CIFAR-10."""
    generator = torch.Generator().manual_seed(count)
    rest = torch.rand(count, classes, generator=generator, dtype=torch.float64)
    own = torch.eye(classes, dtype=torch.float64)[torch.arange(count) % classes]
    predictions = 0.2 * rest + own * torch.rand(count, 1, generator=generator).double() + 0.2 * own
    predictions /= predictions.sum(dim=1, keepdim=True)
    expected = predictions[authors_rows(predictions, percentile)]
    assert torch.equal(estimate_matrix(predictions, percentile), expected)


def test_of_a_class_s_four_rois_the_one_at_the_percentile_is_passed_over():
    """Of 100 RoIs the percentile is the third largest, 0.45, of two that are of another class."""
    own = [[0.9, 0.06, 0.04], [0.4, 0.3, 0.3], [0.39, 0.31, 0.3], [0.38, 0.32, 0.3]]
    rows = [*own, *[[0.45, 0.5, 0.05]] * 2, *[[0.1, 0.3, 0.6]] * 94]
    predictions = torch.tensor(rows, dtype=torch.float64)
    assert authors_rows(predictions, 97.0)[0] == 1
    assert torch.equal(estimate_matrix(predictions, 97.0)[0], predictions[1])


def test_of_a_class_s_three_rois_two_are_more_than_half_and_not_passed_over():
    """Of 100 RoIs the percentile is the third largest, 0.45, of one that is of another class."""
    own = [[0.9, 0.06, 0.04], [0.8, 0.1, 0.1], [0.4, 0.3, 0.3]]
    rows = [*own, [0.45, 0.5, 0.05], *[[0.1, 0.3, 0.6]] * 96]
    predictions = torch.tensor(rows, dtype=torch.float64)
    assert authors_rows(predictions, 97.0)[0] == 2
    assert torch.equal(estimate_matrix(predictions, 97.0)[0], predictions[0])


def test_all_that_tie_with_the_percentile_are_passed_over():
    """Three quarters of a class's RoIs are wholly sure, as float32 has it; not so the others."""
    sure = torch.tensor([1.0] * 30 + [0.9, 0.8, 0.7, 0.6] + [0.5] * 6, dtype=torch.float64)
    predictions = torch.cat(
        [torch.stack([sure, 1 - sure], dim=1), torch.stack([1 - sure, sure], dim=1)]
    )
    assert estimate_matrix(predictions, 97.0)[:, 0].tolist() == pytest.approx([0.9, 0.1])
    # Where nothing is below the percentile, it is the percentile.
    assert torch.equal(estimate_matrix(predictions[:30], 97.0), torch.eye(2).double())


COCO_LIKE = 1 / torch.arange(1.0, 81.0, dtype=torch.float64)
"""Shares of 80 classes, up to a factor: the first has 20 %, all but the first four below 5 %."""


@pytest.mark.parametrize("balanced", [False, True], ids=["COCO-like", "as many of each"])
@pytest.mark.parametrize(("rate", "pairs"), [(0.0, False), (0.4, False), (0.8, False), (0.4, True)])
def test_of_many_classes_every_row_is_the_classs_own(balanced, rate, pairs):
    """RoIs with p = T's row of their class, mixed with up to 20 % of whatever.

    Rows are then T's within 0.2, while the authors' rank gives most classes another's row.
    """
    generator = torch.Generator().manual_seed(7)
    shares = torch.ones(80, dtype=torch.float64) if balanced else COCO_LIKE
    counts = (20000 * shares / shares.sum()).long().clamp_min(5)
    eye = torch.eye(80, dtype=torch.float64)
    others = eye[torch.arange(80) ^ 1] if pairs else (1 - eye) / 79
    true = (1 - rate) * eye + rate * others
    labels = torch.arange(80).repeat_interleave(counts)
    mixed = torch.rand(len(labels), 80, generator=generator, dtype=torch.float64)
    mixed /= mixed.sum(dim=1, keepdim=True)
    part = 0.2 * torch.rand(len(labels), 1, generator=generator, dtype=torch.float64)
    predictions = (1 - part) * true[labels] + part * mixed
    found = estimate_matrix(predictions, 97.0)
    assert found.argmax(dim=1).tolist() == list(range(80))
    assert (found - true).abs().max().item() < 0.2 * (1 - rate) + 1e-9
    wrong = sum(labels[roi] != row for row, roi in enumerate(authors_rows(predictions, 97)))
    assert wrong > 70


def test_a_rare_class_has_its_most_sure_roi_and_a_common_one_the_authors():
    """Of 1000 RoIs 30 are passed over: all of the 20 of class 1, a tenth of the 300 of class 2."""
    sure = torch.cat([torch.linspace(0.6, 0.9, n, dtype=torch.float64) for n in (680, 20, 300)])
    labels = torch.tensor([0] * 680 + [1] * 20 + [2] * 300)
    predictions = ((1 - sure) / 2).unsqueeze(1).expand(-1, 3).clone()
    predictions[torch.arange(1000), labels] = sure
    found = estimate_matrix(predictions, 97.0).diagonal().tolist()
    assert found[1] == pytest.approx(0.9)
    # numpy's place is 97 % of 999, 969.03, hence the 30th largest, which is passed over, too.
    assert found[0] == pytest.approx(0.9 - 0.3 * 30 / 679)
    assert found[2] == pytest.approx(0.9 - 0.3 * 30 / 299)


def test_a_class_that_no_roi_is_predicted_as_is_labelled_as_it_is():
    """Its most sure RoI would be one of another class, and its row that class's."""
    predictions = torch.tensor([[0.6, 0.1, 0.3], [0.1, 0.5, 0.4]], dtype=torch.float64)
    found = estimate_matrix(predictions, 100.0)
    assert found.tolist() == [[0.6, 0.1, 0.3], [0.1, 0.5, 0.4], [0.0, 0.0, 1.0]]


def test_a_roi_that_is_more_surely_the_class_and_still_more_another_does_not_stand_for_it():
    predictions = torch.tensor([[0.45, 0.55, 0.0], [0.4, 0.3, 0.3], [0.2, 0.2, 0.6]])
    assert torch.equal(estimate_matrix(predictions, 100.0), predictions[[1, 0, 2]])


@BOTH
def test_the_matrix_of_the_noise_is_found_at_anchor_points(correction):
    """The network of the warm-up knows P(noisy label | object): at anchor points that is T's row.

    Each within 1e-3, and no two alike; among other objects, mixtures of classes and so less sure.
    """
    generator = torch.Generator().manual_seed(1)
    truth = torch.rand(300, K, generator=generator, dtype=torch.float64)
    truth = 0.9 * truth / truth.sum(dim=1, keepdim=True) + 0.1 / K
    sure = torch.linspace(0.999, 1.0, 60, dtype=torch.float64).unsqueeze(1)
    anchors = torch.eye(K, dtype=torch.float64).repeat(20, 1)
    truth[:60] = sure * anchors + (1 - sure) / K
    method = correction()
    warmed_up(method, truth @ T)
    method.loss(LOGITS, LABELS, context(epoch=1))
    torch.testing.assert_close(method.estimate.double(), T, rtol=0, atol=1e-3)
    found = method.loss(LOGITS, LABELS, context(epoch=1))
    torch.testing.assert_close(found, given(correction, T), rtol=1e-2, atol=1e-2)


def test_background_and_rois_of_no_weight_do_not_count():
    method = ForwardCorrection(percentile=100.0)
    predictions = [[0.8, 0.2], [0.3, 0.7], [0.99, 0.01], [0.01, 0.99]]
    warmed_up(method, predictions, labels=[0, 1, 2, 1], weights=[1.0, 1.0, 1.0, 0.0])
    method.loss(torch.zeros(1, 3), torch.tensor([0]), context(epoch=1, count=1, num_classes=2))
    assert method.estimate.flatten().tolist() == pytest.approx([0.8, 0.2, 0.3, 0.7])


def test_by_default_the_percentile_is_the_authors_and_the_warm_up_half_of_the_epochs():
    method = ForwardCorrection()
    assert (method.percentile, method.stages[0].until) == (97.0, 0.5)


def test_of_a_single_roi_there_is_an_estimate():
    method = ForwardCorrection(percentile=100.0)
    warmed_up(method, [[0.8, 0.2]])
    method.loss(torch.zeros(1, 3), torch.tensor([0]), context(epoch=1, count=1, num_classes=2))
    assert method.estimate.flatten().tolist() == pytest.approx([0.8, 0.2, 0.0, 1.0])


def test_the_last_epoch_of_the_warm_up_alone_is_seen():
    """Eight of 16 epochs: what the network said in epoch 7 is forgotten in epoch 8."""
    method = ForwardCorrection(percentile=100.0)
    for epoch in range(8):
        sure = 0.9 if epoch < 7 else 0.6
        for p in (sure, 1 - sure):
            warmed_up(method, [[p, 1 - p]], epoch=epoch, num_epochs=16)
    ctx = context(epoch=8, num_epochs=16, count=1, num_classes=2)
    method.loss(torch.zeros(1, 3), torch.tensor([0]), ctx)
    assert method.estimate.flatten().tolist() == pytest.approx([0.6, 0.4, 0.4, 0.6])


def test_of_many_rois_the_last_are_kept(monkeypatch):
    monkeypatch.setattr("noisyseg.methods.losses.loss_correction.ROWS", 4)
    method = ForwardCorrection(percentile=100.0)
    for batch in ([0.99, 0.01], [0.7, 0.4, 0.5], [0.6]):
        warmed_up(method, [[p, 1 - p] for p in batch])
    method.loss(torch.zeros(1, 3), torch.tensor([0]), context(epoch=1, count=1, num_classes=2))
    assert method.estimate.flatten().tolist() == pytest.approx([0.7, 0.3, 0.4, 0.6])
    method = ForwardCorrection(percentile=100.0)
    for batch in ([0.99, 0.01, 0.8, 0.4, 0.5, 0.6], [0.45]):
        warmed_up(method, [[p, 1 - p] for p in batch])
    method.loss(torch.zeros(1, 3), torch.tensor([0]), context(epoch=1, count=1, num_classes=2))
    assert method.estimate.flatten().tolist() == pytest.approx([0.6, 0.4, 0.4, 0.6])


@BOTH
def test_the_estimate_stays_once_it_is_made(correction):
    method = correction(percentile=100.0)
    warmed_up(method, T)
    for logits in (LOGITS, -LOGITS):
        method.loss(logits, LABELS, context(epoch=1))
        torch.testing.assert_close(method.estimate.double(), T, rtol=0, atol=1e-6)


@BOTH
def test_nothing_seen_is_no_noise(correction):
    loss = correction(warmup=0.0).loss(LOGITS, LABELS, context())
    torch.testing.assert_close(loss, cross_entropy(LOGITS, LABELS), rtol=1e-6, atol=1e-6)


@BOTH
def test_before_the_warm_ups_end_it_is_cross_entropy(correction):
    """The first half of the epochs by default; of 5 epochs the first two."""
    method = correction(percentile=100.0)
    changed = []
    for epoch in range(5):
        if epoch < 2:
            warmed_up(method, T, epoch=epoch, num_epochs=5)
        loss = method.loss(LOGITS, LABELS, context(epoch=epoch, num_epochs=5))
        changed.append(not torch.allclose(loss, cross_entropy(LOGITS, LABELS)))
    assert changed == [False, False, True, True, True]


@BOTH
@pytest.mark.parametrize("stopped_after", [0, 1, 2])
def test_a_state_from_a_file_goes_on_as_if_not_stopped(correction, stopped_after):
    """Stopped within the warm-up, at its end, and after the estimate; four epochs."""

    def an_epoch(method, epoch):
        losses = []
        for seed in (0, 1):
            generator = torch.Generator().manual_seed(10 * epoch + seed)
            logits = LOGITS + torch.randn(6, K + 1, generator=generator, dtype=torch.float64)
            ctx = context(epoch=epoch, num_epochs=4)
            losses += method.loss(logits, LABELS, ctx).tolist()
        return losses

    # Of few and unsure RoIs a row could come twice; the most sure ones differ.
    whole, method = correction(percentile=100.0), correction(percentile=100.0)
    for epoch in range(4):
        assert an_epoch(whole, epoch) == an_epoch(method, epoch)
        if epoch == stopped_after:
            file = io.BytesIO()
            torch.save(method.state_dict(), file)
            file.seek(0)
            method = correction(percentile=100.0)
            method.load_state_dict(torch.load(file, weights_only=True))
    assert not torch.equal(whole.estimate, torch.eye(K))


def test_the_matrix_is_asked_for_where_it_is_given_alone():
    for name in ("forward", "backward"):
        assert resolve(name, {"matrix": "manifest"}).start().needs == (NOISE_MATRIX,)
        assert resolve(name, {}).start().needs == ()


@BOTH
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"matrix": "true"}, "matrix must be estimated or manifest, got true"),
        ({"warmup": -0.1}, "warmup is a fraction"),
        ({"warmup": 1.1}, "warmup is a fraction"),
        ({"warmup": math.nan}, "warmup is a fraction"),
        ({"percentile": -1.0}, "percentile must be"),
        ({"percentile": 100.5}, "percentile must be"),
        ({"percentile": math.nan}, "percentile must be"),
    ],
)
def test_values_outside_their_range_are_refused(correction, parameters, message):
    with pytest.raises(ValueError, match=message):
        correction(**parameters)


def test_a_user_reads_which_method_it_was():
    with pytest.raises(InputError, match="method 'backward': percentile must be"):
        resolve("backward", {"percentile": 101})
