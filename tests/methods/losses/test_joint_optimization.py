import io
import math

import numpy as np
import pytest
import torch

from noisyseg.methods.context import ANNOTATION_IDS, LossContext
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.joint_optimization import JointOptimization, prior_and_entropy
from noisyseg.methods.registry import resolve

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


def share_of_positives(labels, weights):
    """Of the RoIs with weight above 0."""
    counted = weights > 0
    return ((labels < 3) & counted).sum().item() / counted.sum().item()


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
def test_the_reduced_loss_holds_both_terms_times_the_share_of_rois_they_are_about(weights):
    weights = torch.tensor(weights, dtype=torch.float64)
    loss = joint_optimization(LOGITS, LABELS, context(weights), alpha=0.6, beta=0.9)
    positive = ((LABELS < 3) & (weights > 0)).numpy()
    prior, entropy = terms_in_numpy(LOGITS.numpy()[positive])
    extra = reduced(loss, weights) - reduced(cross_entropy(LOGITS, LABELS), weights)
    share = share_of_positives(LABELS, weights)
    assert 0 < share < 1
    assert extra == pytest.approx(share * (0.6 * prior + 0.9 * entropy), abs=1e-12)


@pytest.mark.parametrize("negatives", [0, 1, 3, 45])
def test_on_the_positives_it_is_the_papers_loss_however_many_negatives_there_are(negatives):
    """Eq. 2 over P images, L_c + alpha L_p + beta L_e, is the mean loss of P positive RoIs."""
    logits = torch.cat([LOGITS, torch.randn(negatives, 4, dtype=torch.float64)])
    labels = torch.cat([LABELS % 3, torch.full((negatives,), 3)])
    loss = joint_optimization(logits, labels, context([1.0] * len(labels)), alpha=0.6, beta=0.9)
    prior, entropy = terms_in_numpy(LOGITS.numpy())
    given = LOGITS.log_softmax(dim=1)[torch.arange(7), LABELS % 3]
    expected = -given.mean().item() + 0.6 * prior + 0.9 * entropy
    assert loss[:7].mean().item() == pytest.approx(expected, abs=1e-12)
    assert torch.equal(loss[7:], cross_entropy(logits, labels)[7:])


def test_gradient_of_one_positive_among_negatives():
    """p - q of cross entropy; the terms by p', the prediction without background.

    dL_p/dz_j = p'_j - 1/3 and dL_e/dz_j = -p'_j (log p'_j + L_e), both 0 where p' is uniform.
    Logits (log 2, 0, 0, 0) have p' = (1/2, 1/4, 1/4).
    """
    labels = torch.tensor([0, 3, 3, 3])
    logits = torch.zeros(4, 4, dtype=torch.float64)
    for first, p_prime in ((0.0, [1 / 3] * 3), (math.log(2.0), [1 / 2, 1 / 4, 1 / 4])):
        logits[0, 0] = first
        leaf = logits.clone().requires_grad_()
        loss = joint_optimization(leaf, labels, context([1.0] * 4))
        (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        entropy = -sum(p * math.log(p) for p in p_prime)
        expected = logits[0].softmax(dim=0) - torch.tensor([1.0, 0.0, 0.0, 0.0])
        for j, p in enumerate(p_prime):
            expected[j] += 0.8 * (p - 1 / 3) - 1.2 * p * (math.log(p) + entropy)
        torch.testing.assert_close(gradient[0], expected, rtol=0, atol=1e-12)


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


# Labels that are updated. An epoch here is two batches of the seven RoIs; terms are off, so that
# what is left is cross entropy against the label that the annotation has by then.

IDS = torch.tensor([4, -1, 9, 6, 6, -1, 4])
WEIGHTS = torch.tensor([1.0, 1.0, 1.0, 0.5, 2.0, 1.0, 0.0])
"""The last RoI, of annotation 4, has no weight."""
COUNTED = {4: [0], 9: [2], 6: [3, 4]}
WEIGHTS_OF = [WEIGHTS, WEIGHTS * torch.tensor([1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0])]
COUNTED_OF = [COUNTED, COUNTED | {6: [4]}]
"""Of annotation 6 there are two RoIs in the first batch, one in the second: three in the mean."""


def batch_of(epoch, number):
    generator = torch.Generator().manual_seed(100 * epoch + number)
    return 2 * torch.randn(7, 4, generator=generator, dtype=torch.float64)


def in_epoch(epoch, num_epochs, *, weights=WEIGHTS, ids=IDS):
    return LossContext(
        num_classes=3, epoch=epoch, num_epochs=num_epochs, weights=weights, annotation_ids=ids
    )


def an_epoch(method, epoch, num_epochs=10):
    """The losses of the epoch's two batches."""
    method.start_epoch(epoch)
    losses = []
    for number, weights in enumerate(WEIGHTS_OF):
        ctx = in_epoch(epoch, num_epochs, weights=weights)
        losses.append(method.loss(batch_of(epoch, number), LABELS, ctx))
    return losses


def mean_predictions(epoch):
    """Of each annotation: of its RoIs with weight, in both batches, without background."""
    means = {}
    for annotation in COUNTED:
        rows = []
        for number, counted in enumerate(COUNTED_OF):
            rows += batch_of(epoch, number)[counted[annotation]].tolist()
        odds = [[math.exp(z) for z in row[:-1]] for row in rows]
        predictions = [[o / sum(row) for o in row] for row in odds]
        means[annotation] = [sum(c) / len(predictions) for c in zip(*predictions, strict=True)]
    return means


def against(targets, logits, number=0):
    """Cross entropy of the full prediction against an annotation's label, by RoI, in Python."""
    expected = []
    for n, row in enumerate(logits.tolist()):
        total = math.log(sum(map(math.exp, row)))
        label = [float(k == LABELS[n]) for k in range(4)]
        if any(n in rois for rois in COUNTED_OF[number].values()):
            label = [*targets[IDS[n].item()], 0.0]
        expected.append(sum(q * (total - z) for q, z in zip(label, row, strict=True)))
    return expected


def without_terms(**parameters):
    return JointOptimization(alpha=0.0, beta=0.0, **parameters)


def one_hot(values):
    return [float(value == max(values)) for value in values]


@pytest.mark.parametrize("soft", [True, False], ids=["soft", "hard"])
def test_a_label_is_the_mean_prediction_of_the_epoch_before(soft):
    method = without_terms(start=0.3, soft=soft)
    for epoch in range(6):
        losses = an_epoch(method, epoch)
        for number, loss in enumerate(losses):
            logits = batch_of(epoch, number)
            if epoch < 3:
                torch.testing.assert_close(loss, cross_entropy(logits, LABELS))
                continue
            targets = mean_predictions(epoch - 1)
            if not soft:
                targets = {key: one_hot(values) for key, values in targets.items()}
            assert loss.tolist() == pytest.approx(against(targets, logits, number), abs=1e-5)


def test_defaults_of_the_labels_are_the_papers():
    """Soft labels from the 71st of 200 epochs."""
    method, soft = without_terms(), without_terms(soft=True, start=0.35)
    changed = []
    for epoch in (68, 69, 70, 71):
        losses, expected = an_epoch(method, epoch, 200), an_epoch(soft, epoch, 200)
        assert all(map(torch.equal, losses, expected))
        plain = [cross_entropy(batch_of(epoch, number), LABELS) for number in range(2)]
        changed.append(not torch.allclose(losses[0], plain[0]))
    assert changed == [False, False, True, True]


@pytest.mark.parametrize("soft", [True, False], ids=["soft", "hard"])
def test_in_the_first_epoch_of_all_there_is_only_the_given_label(soft):
    losses = an_epoch(without_terms(start=0.0, soft=soft), 0)
    for loss, number in zip(losses, range(2), strict=True):
        torch.testing.assert_close(loss, cross_entropy(batch_of(0, number), LABELS))


def test_an_annotation_that_was_not_sampled_keeps_its_label():
    """Epoch 1 sees annotation 4 alone; in epoch 2 the others have their labels of epoch 0."""
    method = without_terms(start=0.0)
    an_epoch(method, 0)
    method.start_epoch(1)
    for number, weights in enumerate(WEIGHTS_OF):
        method.loss(batch_of(1, number), LABELS, in_epoch(1, 10, weights=weights * (IDS == 4)))
    targets = mean_predictions(0) | {4: mean_predictions(1)[4]}
    loss = an_epoch(method, 2)[0]
    assert loss.tolist() == pytest.approx(against(targets, batch_of(2, 0)), abs=1e-5)


def test_an_annotation_never_sampled_before_has_its_given_label():
    method = without_terms(start=0.0)
    method.start_epoch(0)
    for number, weights in enumerate(WEIGHTS_OF):
        method.loss(batch_of(0, number), LABELS, in_epoch(0, 10, weights=weights * (IDS != 9)))
    loss = an_epoch(method, 1)[0]
    targets = mean_predictions(0) | {9: [0.0, 1.0, 0.0]}  # RoI 2's label is 1
    assert loss.tolist() == pytest.approx(against(targets, batch_of(1, 0)), abs=1e-5)


def test_negatives_have_cross_entropy_and_rois_of_no_weight_leave_no_trace():
    method, other = without_terms(start=0.0), without_terms(start=0.0)
    left_out = [1, 5, 6]
    for epoch in range(3):
        for each in (method, other):
            each.start_epoch(epoch)
        logits = batch_of(epoch, 0)
        changed = logits.clone()
        changed[left_out] = torch.tensor([9.0, -9.0, 4.0, 1.0], dtype=torch.float64)
        loss = method.loss(logits, LABELS, in_epoch(epoch, 3))
        counted = [n for n in range(7) if n not in left_out]
        assert torch.equal(other.loss(changed, LABELS, in_epoch(epoch, 3))[counted], loss[counted])
        assert torch.equal(loss[left_out], cross_entropy(logits, LABELS)[left_out])


def test_terms_are_the_same_with_updated_labels():
    with_terms, without = JointOptimization(start=0.0), without_terms(start=0.0)
    for epoch in range(2):
        pairs = zip(an_epoch(with_terms, epoch), an_epoch(without, epoch), strict=True)
        for number, (loss, plain) in enumerate(pairs):
            rois = [n for rois in COUNTED_OF[number].values() for n in rois]
            prior, entropy = terms_in_numpy(batch_of(epoch, number)[rois].numpy())
            weights = WEIGHTS_OF[number]
            extra = reduced(loss, weights) - reduced(plain, weights)
            share = share_of_positives(LABELS, weights)
            assert extra == pytest.approx(share * (0.8 * prior + 1.2 * entropy), abs=1e-6)


def test_gradient_of_an_updated_label():
    """p - label, background's label 0: labels carry no gradient."""
    method = without_terms(start=0.0)
    an_epoch(method, 0)
    method.start_epoch(1)
    logits = batch_of(1, 0).requires_grad_()
    loss = method.loss(logits, LABELS, in_epoch(1, 10))
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    expected = logits.detach().softmax(dim=1) - torch.nn.functional.one_hot(LABELS, 4)
    for annotation, rois in COUNTED.items():
        label = [*mean_predictions(0)[annotation], 0.0]
        for n in rois:
            expected[n] = logits.detach()[n].softmax(dim=0) - torch.tensor(label).double()
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-6)


def test_a_prior_of_the_given_labels():
    """Over the positive RoIs with weight so far: 1, 1, 2 of 4, then 4, 1, 2 of 7."""
    method = JointOptimization(alpha=1.0, beta=0.0, prior="labels", relabel=False)
    labels = LABELS.clone()
    for share in ([1 / 4, 1 / 4, 2 / 4], [4 / 7, 1 / 7, 2 / 7]):
        ctx = in_epoch(0, 1)
        positive = (labels < 3) & (WEIGHTS > 0)
        p = LOGITS[:, :-1].softmax(dim=1)[positive].mean(dim=0).tolist()
        expected = sum(q * math.log(q / each) for q, each in zip(share, p, strict=True))
        loss = method.loss(LOGITS, labels, ctx)
        extra = reduced(loss, WEIGHTS) - reduced(cross_entropy(LOGITS, labels), WEIGHTS)
        assert extra == pytest.approx(share_of_positives(labels, WEIGHTS) * expected, abs=1e-12)
        labels = torch.tensor([0, 3, 0, 3, 0, 3, 1])


def test_labels_stay_as_given_without_relabelling():
    method = JointOptimization(relabel=False, start=0.0)
    assert method.needs == ()
    for epoch in range(3):
        method.start_epoch(epoch)
        logits = batch_of(epoch, 0)
        loss = method.loss(logits, LABELS, in_epoch(epoch, 3, ids=None))
        fresh = joint_optimization(logits, LABELS, context(WEIGHTS.tolist()))
        assert torch.equal(loss, fresh)
    assert resolve("jol", {}).start().needs == (ANNOTATION_IDS,)


@pytest.mark.parametrize("prior", ["uniform", "labels"])
@pytest.mark.parametrize("stopped_after", [0, 1, 2])
def test_a_state_from_a_file_goes_on_as_if_not_stopped(prior, stopped_after):
    """Stopped before labels are updated, at that, and after, always between two epochs."""
    parameters = {"start": 0.2, "prior": prior}
    whole, method = JointOptimization(**parameters), JointOptimization(**parameters)
    for epoch in range(5):
        assert all(map(torch.equal, an_epoch(whole, epoch), an_epoch(method, epoch)))
        if epoch == stopped_after:
            file = io.BytesIO()
            torch.save(method.state_dict(), file)
            file.seek(0)
            method = JointOptimization(**parameters)
            method.load_state_dict(torch.load(file, weights_only=True))
    for kept, again in zip(whole.labels.everything(), method.labels.everything(), strict=True):
        assert torch.equal(kept, again)
    assert sorted(whole.labels.everything()[0].tolist()) == [4, 6, 9]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"start": -0.1}, "start is a fraction"),
        ({"start": 1.1}, "start is a fraction"),
        ({"start": math.nan}, "start is a fraction"),
        ({"prior": "given"}, "prior must be uniform or labels, got given"),
        ({"alpha": math.nan}, "alpha must be"),
    ],
)
def test_values_outside_their_range_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        JointOptimization(**parameters)
