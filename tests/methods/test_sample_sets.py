import math
from itertools import product

import pytest
import torch

from noisyseg.methods.sample_sets import sample_sets

FAR = math.log(1e5)  # 11.5 nats: a label that far behind is well above gamma = 6
DTYPES = pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str
)


def names(logits, label, **parameters):
    """The sets that one RoI is in, in words."""
    row = torch.as_tensor([logits]) if isinstance(logits, list) else logits.unsqueeze(0)
    sets = sample_sets(row, torch.tensor([label]), **parameters)
    found = {
        "N": sets.negative,
        "PSN": sets.pseudo_negative,
        "PON": sets.potential_noisy,
        "isolated": sets.isolated,
        "OS": sets.other,
    }
    return {name for name, members in found.items() if members.item()}


@pytest.mark.parametrize(
    ("logits", "label", "expected"),
    [
        pytest.param([0.0, 0.0, 1.0], 2, {"N"}, id="background, seen as such"),
        pytest.param([1.0, 0.0, 0.0], 2, {"N"}, id="background, seen as an object"),
        pytest.param([FAR, 0.0, 0.0], 2, {"N"}, id="background with a large loss is never PON"),
        pytest.param([0.0, 0.0, 1.0], 0, {"PSN"}, id="object, seen as background"),
        pytest.param([0.0, 0.0, FAR], 0, {"PSN", "PON"}, id="PSN and PON at once: not isolated"),
        pytest.param([0.0, FAR, 0.0], 0, {"PON", "isolated"}, id="PON, seen as another object"),
        pytest.param([1.0, 0.0, 0.0], 0, {"OS"}, id="object, seen as such"),
        pytest.param([0.0, 1.0, 0.0], 0, {"OS"}, id="object, seen as another, moderate loss"),
        pytest.param([1.0, 0.0, 1.0], 0, {"OS"}, id="own class and background tie"),
        pytest.param([0.0, 1.0, 1.0], 0, {"OS"}, id="another class and background tie"),
        pytest.param([0.0, FAR, FAR], 0, {"PON", "isolated"}, id="such a tie with a large loss"),
        pytest.param([0.0, 0.0, 0.0], 0, {"OS"}, id="all tie"),
        pytest.param([0.0, 0.0, 0.0], 2, {"N"}, id="all tie, background"),
    ],
)
def test_the_sets_of_a_roi(logits, label, expected):
    assert names(logits, label) == expected


@DTYPES
def test_a_loss_of_exactly_gamma_is_not_above_it(dtype):
    """Logits 0 and 64: cross entropy is 64 + log(1 + e^-64), which is 64 in every precision."""
    logits = torch.tensor([0.0, 64.0, -64.0], dtype=dtype)
    assert names(logits, 0, gamma=64.0) == {"OS"}
    assert names(logits, 0, gamma=63.99) == {"PON", "isolated"}
    assert names(logits, 0, gamma=64.01) == {"OS"}


def test_gamma_zero_takes_every_object_that_is_not_certain():
    certain, nearly = torch.tensor([200.0, 0.0, 0.0]), torch.tensor([10.0, 0.0, 0.0])
    assert names(certain, 0, gamma=0.0) == {"OS"}  # 1 + 2 e^-200 is 1
    assert names(nearly, 0, gamma=0.0) == {"PON", "isolated"}


@pytest.mark.parametrize("gamma", [-1e-9, -6.0, math.nan])
def test_a_gamma_below_zero_is_refused(gamma):
    with pytest.raises(ValueError, match="gamma must be at least 0"):
        sample_sets(torch.zeros(1, 3), torch.tensor([0]), gamma=gamma)


@pytest.mark.parametrize(
    ("logits", "label", "gamma", "expected"),
    [
        ([0.0, 1.0], 0, 6.0, {"PSN"}),
        ([0.0, FAR], 0, 6.0, {"PSN", "PON"}),
        ([1.0, 0.0], 0, 6.0, {"OS"}),
        ([0.0, 0.0], 0, 6.0, {"OS"}),
        ([FAR, 0.0], 1, 6.0, {"N"}),
        # The label is ahead of background or level, so its loss is log 2 at most.
        ([0.0, 0.0], 0, 0.69, {"PON", "isolated"}),
        ([0.0, 0.0], 0, 0.70, {"OS"}),
    ],
)
def test_with_one_class_an_object_that_gamma_could_isolate_is_already_psn(
    logits, label, gamma, expected
):
    assert names(logits, label, gamma=gamma) == expected


def by_definition(row, label, gamma):
    """Section 3.1 in plain Python: N, PSN, PON."""
    background = len(row) - 1
    top = max(row)
    loss = math.log(sum(math.exp(z - top) for z in row)) + top - row[label]
    positive = label != background
    return (
        not positive,
        positive and all(row[background] > z for z in row[:background]),
        positive and loss > gamma,
    )


@pytest.mark.parametrize("num_classes", [1, 2, 3])
@pytest.mark.parametrize("gamma", [0.5, 6.0, 9.5])
def test_every_pattern_of_logits_under_every_label(num_classes, gamma):
    columns = num_classes + 1
    rows = list(product([-5.0, 0.0, 3.0, 5.0], repeat=columns))
    logits = torch.tensor(rows, dtype=torch.float64).repeat_interleave(columns, dim=0)
    labels = torch.arange(columns).repeat(len(rows))
    sets = sample_sets(logits, labels, gamma=gamma)
    expected = [
        by_definition(*roi, gamma) for roi in zip(logits.tolist(), labels.tolist(), strict=True)
    ]
    found = (sets.negative, sets.pseudo_negative, sets.potential_noisy)
    for members, wanted in zip(found, zip(*expected, strict=True), strict=True):
        assert members.tolist() == list(wanted)
    # Eq. 4's N = N1 + N2 + N3 + N4: each RoI in one of these.
    parts = torch.stack([sets.negative, sets.pseudo_negative, sets.isolated, sets.other])
    assert (parts.sum(dim=0) == 1).all()


@DTYPES
def test_order_is_that_of_the_logits_where_their_log_probabilities_would_tie(dtype):
    """A dtype's smallest step above 0 vanishes beside log 3."""
    zero = torch.zeros((), dtype=dtype)
    step = torch.nextafter(zero, torch.ones((), dtype=dtype))
    assert step.double().item() > 0.0
    assert names(torch.stack([zero, zero, step]), 0) == {"PSN"}
    assert names(torch.stack([zero, step, step]), 0) == {"OS"}
    assert names(torch.stack([zero, step, zero]), 0) == {"OS"}


@DTYPES
def test_extreme_logits(dtype):
    big = torch.tensor([[-1e4, 1e4, -1e4], [-1e4, -1e4, 1e4], [1e4, -1e4, -1e4]]).to(dtype)
    assert names(big[0], 0) == {"PON", "isolated"}
    assert names(big[1], 0) == {"PSN", "PON"}
    assert names(big[2], 0) == {"OS"}
    assert names(big[0], 2) == {"N"}


def test_membership_carries_no_gradient_and_an_empty_batch_has_empty_sets():
    logits = torch.zeros(0, 4, requires_grad=True)
    sets = sample_sets(logits, torch.zeros(0, dtype=torch.long))
    for members in (sets.negative, sets.pseudo_negative, sets.potential_noisy, sets.isolated):
        assert members.shape == (0,)
        assert members.dtype == torch.bool
        assert not members.requires_grad
