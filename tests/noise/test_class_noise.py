from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisyseg.errors import InputError
from noisyseg.noise.class_noise import NOISE_TYPES, ClassStep, asymmetric, has_target, symmetric
from noisyseg.noise.draws import Purpose, stream_number, uniform

K = 20
N = 200_000
IDS = np.arange(N, dtype=np.uint64)
CLASSES = np.arange(N) % K
CHI2_999 = {18: 42.312, 19: 43.820}  # upper 0.1 % points, by degrees of freedom


def step(rate, *, seed=1, occurrence=0, num_classes=K, targets=None):
    if targets is not None:
        targets = np.array(targets, dtype=np.int64)
    return ClassStep(
        num_classes=num_classes,
        rate=rate,
        seed=seed,
        kind="some",
        occurrence=occurrence,
        targets=targets,
    )


def counts(after, before=CLASSES, k=K):
    return np.bincount(before * k + after, minlength=k * k).reshape(k, k)


@pytest.mark.parametrize("rate", [0.2, 0.4, 0.6, 0.8])
def test_symmetric_has_the_papers_transition_matrix(rate):
    table = counts(symmetric(IDS, CLASSES, step(rate)))
    per_class = N / K
    flipped = per_class - table.diagonal()
    # Each class flips at the rate, binomially: K standardised counts have a chi-square sum.
    z = (flipped - per_class * rate) / np.sqrt(per_class * rate * (1 - rate))
    assert np.abs(z).max() < 4
    # Among those that flip, the K-1 other classes are equally likely, whatever the class was.
    for true_class in range(K):
        others = np.delete(table[true_class], true_class)
        expected = flipped[true_class] / (K - 1)
        assert ((others - expected) ** 2 / expected).sum() < 60  # p of about 2e-6 a row


def test_symmetric_targets_are_uniform_over_all_rows_taken_together():
    after = symmetric(IDS, CLASSES, step(0.5))
    offset = (after - CLASSES)[after != CLASSES] % K
    observed = np.bincount(offset, minlength=K)[1:]
    expected = observed.sum() / (K - 1)
    assert ((observed - expected) ** 2 / expected).sum() < CHI2_999[18]


def test_every_class_is_reached_from_every_other_also_the_last():
    table = counts(symmetric(IDS, CLASSES, step(1.0)))
    assert (table[~np.eye(K, dtype=bool)] > 0).all()


@pytest.mark.parametrize("k", [2, 3, K])
def test_rate_one_leaves_no_annotation_in_its_class(k):
    classes = CLASSES % k
    after = symmetric(IDS, classes, step(1.0, num_classes=k))
    assert (after != classes).all()
    assert after.min() == 0
    assert after.max() == k - 1


def test_two_classes_at_rate_one_swap():
    after = symmetric(IDS, CLASSES % 2, step(1.0, num_classes=2))
    assert (after == 1 - CLASSES % 2).all()


def test_rate_zero_changes_nothing():
    targets = np.roll(np.arange(K), 1)
    assert (symmetric(IDS, CLASSES, step(0.0)) == CLASSES).all()
    assert (asymmetric(IDS, CLASSES, step(0.0, targets=targets)) == CLASSES).all()


def test_the_rate_itself_is_outside_the_flips():
    # So that a draw of 0 does not flip at rate 0: P(draw < rate) = rate, draws being in [0, 1).
    draws = uniform(1, stream_number("some", 0, Purpose.FLIP), IDS[:50])
    for number, draw in enumerate(draws.tolist()):
        one = slice(number, number + 1)
        assert symmetric(IDS[one], CLASSES[one], step(draw)) == CLASSES[one]
        assert symmetric(IDS[one], CLASSES[one], step(draw + 2.0**-53)) != CLASSES[one]


@pytest.mark.parametrize("noise", [symmetric, asymmetric])
def test_what_flips_at_a_low_rate_flips_to_the_same_class_at_a_higher_one(noise):
    targets = np.roll(np.arange(K), 1)
    rates = [0.0, 0.1, 0.2, 0.4, 0.9, 1.0]
    results = [noise(IDS, CLASSES, step(rate, targets=targets)) for rate in rates]
    for low, high in pairwise(results):
        flipped = low != CLASSES
        assert (high[flipped] == low[flipped]).all()
        assert (high != CLASSES).sum() > flipped.sum()


def test_seeds_and_occurrences_give_other_flips():
    base = symmetric(IDS, CLASSES, step(0.4)) != CLASSES
    for other in (step(0.4, seed=2), step(0.4, occurrence=1)):
        both = base & (symmetric(IDS, CLASSES, other) != CLASSES)
        # Independent events of probability 0.4 coincide with probability 0.16.
        assert abs(both.mean() - 0.16) < 4 * np.sqrt(0.16 * 0.84 / N)


@given(data=st.data(), k=st.integers(2, 9), rate=st.floats(0, 1), seed=st.integers(0, 2**64 - 1))
@settings(derandomize=True, deadline=None, database=None)
def test_order_and_company_do_not_matter(data, k, rate, seed):
    size = data.draw(st.integers(1, 40))
    ids = data.draw(st.lists(st.integers(0, 2**64 - 1), min_size=size, max_size=size, unique=True))
    classes = data.draw(st.lists(st.integers(0, k - 1), min_size=size, max_size=size))
    some = data.draw(st.lists(st.integers(0, size - 1), unique=True))  # a subset, shuffled
    ids, classes = np.array(ids, dtype=np.uint64), np.array(classes, dtype=np.int64)
    some = np.array(some, dtype=np.int64)
    context = step(rate, seed=seed, num_classes=k, targets=(np.arange(k) + 1) % k)
    for noise in (symmetric, asymmetric):
        whole = noise(ids, classes, context)
        assert noise(ids[some], classes[some], context).tolist() == whole[some].tolist()
        assert ((whole >= 0) & (whole < k)).all()


def test_asymmetric_flips_sources_alone_and_to_their_target_alone():
    targets = [1, 0, 5] + [-1] * (K - 3)  # 0 and 1 swap, 2 becomes 5 and nothing becomes 2
    context = step(0.4, targets=targets)
    table = counts(asymmetric(IDS, CLASSES, context))
    per_class = N // K
    allowed = np.eye(K, dtype=bool)
    allowed[[0, 1, 2], [1, 0, 5]] = True
    assert (table[~allowed] == 0).all()
    flipped = table[[0, 1, 2], [1, 0, 5]]
    assert (np.abs(flipped - per_class * 0.4) < 4 * np.sqrt(per_class * 0.24)).all()
    assert has_target(CLASSES, context).sum() == 3 * per_class


def test_asymmetric_at_rate_one_applies_the_map():
    targets = np.array([2, -1, 0, -1])
    after = asymmetric(IDS[:8], CLASSES[:8] % 4, step(1.0, num_classes=4, targets=targets))
    assert after.tolist() == [2, 1, 0, 3, 2, 1, 0, 3]


def test_symmetric_noise_needs_two_classes():
    one = np.zeros(3, dtype=np.int64)
    with pytest.raises(InputError, match=r"at least two classes.*got 1"):
        symmetric(IDS[:3], one, step(0.2, num_classes=1))


def test_the_inputs_are_left_alone():
    ids, classes = IDS.copy(), CLASSES.copy()
    symmetric(ids, classes, step(0.5))
    assert (ids == IDS).all()
    assert (classes == CLASSES).all()


@pytest.mark.parametrize("name", NOISE_TYPES)
def test_every_registered_type_keeps_the_contract(name):
    kind = NOISE_TYPES[name]
    context = step(0.5, targets=[1] + [-1] * (K - 1))
    eligible = kind.eligible(CLASSES, context)
    after = kind.flip(IDS, CLASSES, context)
    assert isinstance(kind.version, int)
    assert kind.version >= 1
    assert "rate" in kind.parameters
    assert eligible.shape == after.shape == (N,)
    assert eligible.dtype == np.bool_
    assert after.dtype == np.int64
    assert not ((after != CLASSES) & ~eligible).any()
    assert kind.flip(IDS[:0], CLASSES[:0], context).shape == (0,)
