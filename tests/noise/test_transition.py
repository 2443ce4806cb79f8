import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisyseg.noise.draws import Purpose, StepDraws
from noisyseg.noise.transition import MatrixTransition, UniformTargets

DRAWS = StepDraws(seed=1, kind="some")
N = 40_000
IDS = np.arange(N, dtype=np.uint64)


class FixedDraws:
    """Draws that a test chooses."""

    def __init__(self, flip, target):
        self.values = {Purpose.FLIP: flip, Purpose.TARGET: target}

    def uniform(self, purpose, ids):
        return np.full(len(ids), self.values[purpose])


def test_a_list_with_its_own_class_or_one_twice_has_that_matrix():
    law = UniformTargets(rate=0.4, targets=[[0, 1, 2, 2], [], [0]])
    # By hand: a redraw of class 0 keeps it once in four and gives class 2 twice in four.
    assert np.allclose(
        law.matrix(), [[0.7, 0.1, 0.2], [0, 1, 0], [0.4, 0, 0.6]], rtol=0, atol=1e-15
    )
    assert law.sources.tolist() == [True, False, True]
    classes = np.array([0, 0, 1, 2])
    assert law.expected_flips(IDS[:4], classes) == pytest.approx(0.3 + 0.3 + 0 + 0.4, abs=1e-15)


def test_classes_without_targets_stay_whatever_the_rate():
    law = UniformTargets(rate=1.0, targets=[[2], [], [0]])
    assert law.redraw(IDS[:6], np.arange(6) % 3, DRAWS).tolist() == [2, 1, 0, 2, 1, 0]
    still = UniformTargets(rate=1.0, targets=[[], []])
    assert still.redraw(IDS[:2], np.array([0, 1]), DRAWS).tolist() == [0, 1]
    assert (still.matrix() == np.eye(2)).all()


@pytest.mark.parametrize("k", [2, 3, 20])
def test_the_rate_itself_is_outside_the_flips(k):
    # So that a draw of 0 does not flip at rate 0: P(draw < rate) = rate, draws being in [0, 1).
    others = [[j for j in range(k) if j != i] for i in range(k)]
    draws = DRAWS.uniform(Purpose.FLIP, IDS[:50])
    for number, draw in enumerate(draws.tolist()):
        one, classes = IDS[number : number + 1], np.array([number % k])
        at = UniformTargets(rate=draw, targets=others)
        above = UniformTargets(rate=draw + 2.0**-53, targets=others)
        assert at.redraw(one, classes, DRAWS) == classes
        assert above.redraw(one, classes, DRAWS) != classes


def test_a_matrix_redraws_by_its_rows():
    rows = np.array([[0.5, 0.2, 0.3, 0.0], [0, 1, 0, 0], [1, 0, 0, 0], [0.9, 0, 0.1, 0]])
    law = MatrixTransition(rows=rows)
    assert law.sources.tolist() == [True, False, True, True]
    assert np.allclose(law.matrix(), rows, rtol=0, atol=1e-15)
    classes = np.arange(N) % 4
    after = law.redraw(IDS, classes, DRAWS)
    counts = np.bincount(classes * 4 + after, minlength=16).reshape(4, 4)
    assert (counts[rows == 0] == 0).all()
    spread = np.sqrt(N / 4 * rows * (1 - rows))
    assert (np.abs(counts - N / 4 * rows) <= 4 * spread).all()
    assert law.expected_flips(IDS[:5], classes[:5]) == pytest.approx(
        0.5 + 0 + 1 + 1 + 0.5, abs=1e-12
    )


def test_the_diagonal_is_what_the_others_leave():
    # Rows of seven digits sum to 1 within 1e-6: the draws go by the entries off the diagonal.
    law = MatrixTransition(rows=np.array([[0.3333333, 0.6666666], [1.0000005, 0.0]]))
    assert law.matrix()[0, 0] == pytest.approx(1 - 0.6666666, abs=1e-15)
    assert law.matrix()[1, 1] == 0


@pytest.mark.parametrize("row", [[0.0, 0.1, 0.3, 0.0], [0.6, 0.1, 0.2, 0.1]])
def test_an_aim_that_is_rounded_up_to_the_sum_finds_the_last_possible_class(row):
    rows = np.array([row, *np.eye(4)[1:]])
    last = max(j for j in range(4) if row[j] > 0)
    for target in (1 - 2**-53, 1.0):  # 1.0 is what a product may be rounded to
        after = MatrixTransition(rows=rows).redraw(
            IDS[:1], np.array([0]), FixedDraws(flip=0.0, target=target)
        )
        assert after.tolist() == [last]
    first = MatrixTransition(rows=rows).redraw(
        IDS[:1], np.array([0]), FixedDraws(flip=0.0, target=0.0)
    )
    assert first.tolist() == [1]  # not class 0, whose own probability is no flip


@given(
    classes=st.lists(st.integers(0, 4), max_size=60),
    weights=st.lists(st.lists(st.floats(0, 1), min_size=5, max_size=5), min_size=5, max_size=5),
    seed=st.integers(0, 2**32),
)
@settings(derandomize=True, deadline=None, database=None)
def test_expected_flips_are_equal_to_the_bit_in_any_order(classes, weights, seed):
    rows = np.array(weights) + np.eye(5)
    law = MatrixTransition(rows=rows / rows.sum(axis=1, keepdims=True))
    shuffled = np.random.default_rng(seed).permutation(np.array(classes, dtype=np.int64))
    ids = np.arange(len(classes), dtype=np.uint64)
    whole = law.expected_flips(ids, np.array(classes, dtype=np.int64))
    assert law.expected_flips(ids, shuffled) == whole
    leaving = 1 - law.matrix().diagonal()
    assert whole == pytest.approx(sum(leaving[c] for c in classes), abs=1e-9)


def test_the_inputs_are_left_alone_and_nothing_gives_nothing():
    classes = np.arange(N) % 3
    for law in (
        UniformTargets(rate=0.5, targets=[[1], [2], [0]]),
        MatrixTransition(rows=np.full((3, 3), 1 / 3)),
    ):
        after = law.redraw(IDS, classes, DRAWS)
        assert after.dtype == np.int64
        assert after.shape == (N,)
        assert (classes == np.arange(N) % 3).all()
        assert law.redraw(IDS[:0], classes[:0], DRAWS).shape == (0,)
        assert law.expected_flips(IDS[:0], classes[:0]) == 0
