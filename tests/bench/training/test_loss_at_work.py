import json
import math

import pytest
import torch

from noisyseg.bench.training.loss_at_work import LossAtWork

K = 3  # background is index 3
WRONG = {11: 2, 12: -1}  # annotation 11 is really of class 2; 12 is of nothing


def observer(gamma=6.0, **changes):
    return LossAtWork(**{"num_classes": K, "gamma": gamma, "clean_labels": WRONG, **changes})


def roi(label, annotation, scores, *, weight=1.0, loss=1.0):
    return {"label": label, "id": annotation, "scores": scores, "weight": weight, "loss": loss}


def show(at_work, rois, *, ids=True, dtype=torch.float32):
    at_work.observe(
        torch.tensor([entry["scores"] for entry in rois], dtype=dtype).reshape(-1, K + 1),
        torch.tensor([entry["label"] for entry in rois], dtype=torch.long),
        torch.tensor([entry["loss"] for entry in rois], dtype=dtype),
        torch.tensor([entry["weight"] for entry in rois]),
        torch.tensor([entry["id"] for entry in rois], dtype=torch.long) if ids else None,
    )


def with_cross_entropy(label, nats):
    """Scores of which cross entropy with the label is so many nats: log(1 + e^s) = nats."""
    scores = [-1e4] * (K + 1)
    scores[label] = 0.0
    scores[(label + 1) % K] = math.log(math.expm1(nats))
    return scores


SURE = 20.0


def scores_for(winner):
    return [SURE if place == winner else 0.0 for place in range(K + 1)]


EVERY_KIND = [
    roi(K, -1, scores_for(K)),  # N
    roi(K, -1, scores_for(0)),  # N, however wrong
    roi(0, 10, scores_for(0)),  # clean, OS
    roi(0, 10, scores_for(K)),  # clean, PSN and PON
    roi(0, 10, [0.0, -9.0, -9.0, 0.5]),  # clean, PSN only
    roi(0, 10, scores_for(1)),  # clean, PON only
    roi(1, 11, scores_for(1)),  # noisy, memorised
    roi(1, 11, scores_for(2)),  # noisy, recovered, PON
    roi(1, 11, scores_for(K)),  # noisy, background, PSN and PON
    roi(1, 11, scores_for(0)),  # noisy, another class, PON
    roi(2, 12, scores_for(2)),  # noisy and of nothing, memorised
    roi(2, 12, scores_for(0)),  # noisy and of nothing, another class, PON
]


def test_every_kind_of_roi_is_counted_where_it_belongs():
    at_work = observer()
    show(at_work, EVERY_KIND)
    report = at_work.report()
    assert report["sets"] == {
        "negative": 2,
        "pseudo_negative": 3,
        "potential_noisy": 6,
        "pseudo_and_potential": 2,
        "other": 3,
    }
    counts = {key: report["noisy"][key] for key in report["noisy"] if key.startswith("as_")}
    assert counts == {"as_given": 2, "as_true": 1, "as_background": 1, "as_another": 2}
    assert report["noisy"]["rois"] == 6
    clean = {key: report["clean"][key] for key in counts}
    assert clean == {"as_given": 1, "as_true": 1, "as_background": 2, "as_another": 1}
    assert report["detector"] == {
        "true_positives": 4,
        "false_positives": 2,
        "false_negatives": 2,
        "precision": 4 / 6,
        "recall": 4 / 6,
    }
    assert report["figure5"] == {"noisy": 4 / 6, "clean": 2 / 4}
    assert report["noisy_shares"] == {
        "memorised": 2 / 6,
        "recovered": 1 / 6,
        "background": 1 / 6,
        "another": 2 / 6,
    }
    json.dumps(report, allow_nan=False)


def test_sets_cover_every_roi_once():
    generator = torch.Generator().manual_seed(3)
    count = 500
    labels = torch.randint(0, K + 1, (count,), generator=generator)
    ids = torch.where(labels < K, torch.randint(9, 14, (count,), generator=generator), -1)
    weights = (torch.rand(count, generator=generator) > 0.2).float()
    logits = 4 * torch.randn(count, K + 1, generator=generator)
    at_work = observer()
    at_work.observe(logits, labels, torch.ones(count), weights, ids)
    report = at_work.report()
    sets = report["sets"]
    positive = int(((labels < K) & (weights > 0)).sum())
    together = sets["pseudo_negative"] + sets["potential_noisy"] - sets["pseudo_and_potential"]
    assert together + sets["other"] == positive
    assert sets["negative"] == int(((labels == K) & (weights > 0)).sum())
    assert report["clean"]["rois"] + report["noisy"]["rois"] == positive
    for group in ("clean", "noisy"):
        assert sum(report[group]["histogram"]) == report[group]["rois"] > 0


@pytest.mark.parametrize(
    ("nats", "place"), [(0.1, 0), (0.3, 1), (5.9, 23), (6.1, 24), (15.9, 63), (16.1, 64), (50, 64)]
)
def test_histograms_have_edges_every_quarter_of_a_nat(nats, place):
    at_work = observer()
    show(at_work, [roi(0, 10, with_cross_entropy(0, nats)), roi(1, 11, scores_for(1))])
    report = at_work.report()
    assert [n for n, count in enumerate(report["clean"]["histogram"]) if count] == [place]
    assert len(report["clean"]["histogram"]) == 65
    assert report["noisy"]["histogram"][0] == 1
    assert report["clean"]["above_6"] == (nats > 6)


def test_a_cross_entropy_on_an_edge_is_in_the_bin_above_but_not_above_the_threshold():
    # exp(-16) is below float32's resolution at 1: the loss is the difference of scores, exactly.
    at_work = observer(gamma=16.0)
    show(at_work, [roi(0, 10, [-16.0, 0.0, -1e4, -1e4]), roi(0, 10, [-20.0, 0.0, -1e4, -1e4])])
    report = at_work.report()
    assert report["clean"]["histogram"][64] == 2
    assert report["clean"]["potential_noisy"] == 1
    assert report["clean"]["above_6"] == 2


def test_paper_threshold_and_the_methods_own_are_apart():
    at_work = observer(gamma=2.0)
    show(at_work, [roi(0, 10, with_cross_entropy(0, 3.0)), roi(1, 11, with_cross_entropy(1, 7.0))])
    report = at_work.report()
    assert report["gamma"] == 2.0
    assert report["sets"]["potential_noisy"] == 2
    assert report["figure5"] == {"noisy": 1.0, "clean": 0.0}


def test_background_must_be_strictly_above_every_class_to_be_predicted():
    at_work = observer()
    show(at_work, [roi(1, 11, [0.0, 1.0, 0.0, 1.0]), roi(1, 11, [0.0, 1.0, 0.0, 1.5])])
    noisy = at_work.report()["noisy"]
    assert (noisy["as_given"], noisy["as_background"]) == (1, 1)


def test_mean_loss_is_the_methods_own_over_positive_rois():
    at_work = observer()
    show(at_work, [roi(0, 10, scores_for(0), loss=1.0), roi(0, 13, scores_for(0), loss=3.0)])
    show(at_work, [roi(1, 11, scores_for(0), loss=7.0), roi(K, -1, scores_for(K), loss=99.0)])
    report = at_work.report()
    assert (report["clean"]["mean_loss"], report["noisy"]["mean_loss"]) == (2.0, 7.0)


def test_rois_of_weight_0_are_left_out_whatever_they_hold():
    at_work = observer()
    show(at_work, EVERY_KIND)
    expected = at_work.report()
    ignored = [
        roi(1, 11, [math.nan] * (K + 1), weight=0.0, loss=math.nan),
        roi(0, 10, [1e30] * (K + 1), weight=0.0, loss=math.inf),
        roi(K, -1, scores_for(0), weight=0.0),
    ]
    show(at_work, ignored + EVERY_KIND)
    assert at_work.report() == expected


def test_a_report_is_the_sum_of_its_batches_and_begins_anew():
    at_work = observer()
    for entry in EVERY_KIND:
        show(at_work, [entry])
    show(at_work, [])
    one_by_one = at_work.report()
    show(at_work, EVERY_KIND[::-1])
    assert at_work.report() == one_by_one
    nothing = at_work.report()
    assert nothing["sets"] == dict.fromkeys(one_by_one["sets"], 0)
    assert nothing["clean"]["mean_loss"] is None
    assert nothing["detector"]["precision"] is None
    assert nothing["detector"]["recall"] is None


def test_without_annotation_ids_nothing_is_called_clean_or_noisy():
    at_work = observer()
    show(at_work, EVERY_KIND, ids=False)
    report = at_work.report()
    assert report["unknown"]["rois"] == sum(report["unknown"]["histogram"]) == 10
    assert report["clean"]["rois"] == report["noisy"]["rois"] == 0
    assert report["sets"]["potential_noisy"] == 6
    assert report["figure5"] == {"noisy": None, "clean": None}


def test_clean_labels_leave_noisy_empty():
    at_work = observer(clean_labels={})
    show(at_work, EVERY_KIND)
    report = at_work.report()
    assert report["clean"]["rois"] == 10
    assert report["noisy"]["rois"] == 0
    assert report["detector"]["precision"] == 0.0
    assert report["detector"]["recall"] is None


def test_the_largest_id_is_an_id_like_others():
    largest = 2**63 - 1
    at_work = observer(clean_labels={})
    show(at_work, [roi(0, largest, scores_for(0))])
    assert at_work.report()["clean"]["rois"] == 1
    at_work = observer(clean_labels={largest: 1})
    show(at_work, [roi(0, largest, scores_for(1))])
    assert at_work.report()["noisy"]["as_true"] == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_count_the_same(dtype):
    at_work = observer()
    show(at_work, EVERY_KIND)
    expected = at_work.report()
    show(at_work, EVERY_KIND, dtype=dtype)
    assert at_work.report()["sets"] == expected["sets"]


def test_training_is_left_as_it_is():
    logits = torch.zeros(2, K + 1, requires_grad=True)
    labels, ids = torch.tensor([0, K]), torch.tensor([11, -1])
    losses, weights = logits.sum(dim=1), torch.ones(2)
    state = torch.get_rng_state()
    versions = [tensor._version for tensor in (logits, labels, losses, weights, ids)]
    observer().observe(logits, labels, losses, weights, ids)
    assert torch.equal(torch.get_rng_state(), state)
    assert versions == [tensor._version for tensor in (logits, labels, losses, weights, ids)]
    losses.sum().backward()
    assert torch.equal(logits.grad, torch.ones(2, K + 1))


@pytest.mark.parametrize("changes", [{"gamma": -1.0}, {"clean_labels": {4: K}}])
def test_what_cannot_be_is_refused(changes):
    with pytest.raises(ValueError, match=r"gamma|true class"):
        observer(**changes)
