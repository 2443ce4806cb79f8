import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisyseg.errors import InputError
from noisyseg.noise.draws import (
    Purpose,
    StepDraws,
    as_words,
    choice,
    mix,
    sequences,
    stream_number,
    uniform,
)

# Published outputs of splitmix64.c. Seed 1234567: Rosetta Code, "Pseudo-random numbers/Splitmix64".
# Seed 0: widely quoted, e.g. as the state that seeds xoshiro256 from 0.
PUBLISHED = {
    1234567: [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ],
    0: [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC],
}
GAMMA = 0x9E3779B97F4A7C15
CHI2_999 = {9: 27.877, 99: 148.230}  # upper 0.1 % points, by degrees of freedom


@pytest.mark.parametrize("seed", PUBLISHED)
def test_mix_gives_the_published_splitmix64_outputs(seed, splitmix64):
    outputs = PUBLISHED[seed]
    states = [(seed + n * GAMMA) % 2**64 for n in range(len(outputs))]
    assert mix(np.array(states, dtype=np.uint64)).tolist() == outputs
    assert splitmix64(seed, len(outputs)) == outputs  # the tests' own statement of it, too


@pytest.mark.parametrize("seed", [0, 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize("occurrence", [0, 1, 7])
@pytest.mark.parametrize("purpose", [Purpose.FLIP, Purpose.TARGET])
def test_draws_follow_their_documented_definition(seed, occurrence, purpose, plain_bits):
    ids = [0, 1, 2, 900100581945, 2**63 - 1, 2**63, 2**64 - 1, -1, -(2**63)]
    bits = [plain_bits(seed, f"some/{occurrence}/{purpose.value}", number) for number in ids]
    stream = stream_number("some", occurrence, purpose)
    assert uniform(seed, stream, ids).tolist() == [(b // 2**11) / 2**53 for b in bits]
    for n in (1, 2, 19, 79, 2**31):
        assert choice(seed, stream, ids, n).tolist() == [(b // 2**32) * n // 2**32 for b in bits]


def test_sequences_follow_their_documented_definition(splitmix64, plain_bits):
    ids = [0, 7, 2**64 - 1, -5]
    stream = stream_number("some", 2, Purpose.VERTEX)
    rows = []
    for number in ids:
        base = plain_bits(9, "some/2/vertex", number)
        words = [splitmix64(base ^ j, 1)[0] for j in range(5)]
        rows.append([(word // 2**11) / 2**53 for word in words])
    assert sequences(9, stream, ids, 5).tolist() == rows
    assert sequences(9, stream, ids, 3).tolist() == [row[:3] for row in rows]
    assert sequences(9, stream, ids, 0).shape == (4, 0)
    assert sequences(9, stream, [], 3).shape == (0, 3)


def test_a_step_draws_from_its_own_streams():
    step = StepDraws(seed=9, kind="some", occurrence=2)
    stream = stream_number("some", 2, Purpose.SIZE)
    ids = [1, 2, 3]
    assert (step.uniform(Purpose.SIZE, ids) == uniform(9, stream, ids)).all()
    assert (step.choice(Purpose.SIZE, ids, 7) == choice(9, stream, ids, 7)).all()
    assert (step.sequences(Purpose.SIZE, ids, 4) == sequences(9, stream, ids, 4)).all()


def test_a_choice_may_be_among_another_number_for_each_id():
    ids, sizes = list(range(50)), [1 + n % 9 for n in range(50)]
    alone = [choice(3, 1, [number], n)[0] for number, n in zip(ids, sizes, strict=True)]
    assert choice(3, 1, ids, np.array(sizes)).tolist() == alone


def test_streams_are_distinct():
    numbers = [
        stream_number(kind, occurrence, purpose)
        for kind in ("symmetric", "asymmetric")
        for occurrence in range(100)
        for purpose in Purpose
    ]
    assert len(set(numbers)) == len(numbers)


@given(
    ids=st.lists(st.integers(-(2**63), 2**64 - 1), max_size=30),
    seed=st.integers(0, 2**64 - 1),
    data=st.data(),
)
@settings(derandomize=True, deadline=None, database=None)
def test_a_draw_is_the_same_whatever_the_others_are(ids, seed, data):
    some = data.draw(st.lists(st.sampled_from(ids)) if ids else st.just([]))
    for draw in (
        lambda x: uniform(seed, 3, x),
        lambda x: choice(seed, 3, x, 13),
        lambda x: sequences(seed, 3, x, 2)[:, 1],
    ):
        together = dict(zip(ids, draw(ids).tolist(), strict=True))
        assert draw(some).tolist() == [together[number] for number in some]


def test_arrays_and_lists_of_ids_draw_alike():
    ids = [5, -3, 2**62]
    from_list = uniform(1, 0, ids)
    assert uniform(1, 0, np.array(ids, dtype=np.int64)).tolist() == from_list.tolist()
    assert uniform(1, 0, np.array([2**64 - 1], dtype=np.uint64)) == uniform(1, 0, [2**64 - 1])


@pytest.mark.parametrize("bad", [2**64, -(2**63) - 1])
def test_ids_beyond_64_bits_are_refused(bad):
    with pytest.raises(InputError, match=str(bad)):
        as_words([1, bad, 2])


def test_uniform_is_uniform_for_consecutive_ids():
    n = 100_000
    draws = uniform(7, 0, range(n))
    assert draws.min() >= 0
    assert draws.max() < 1
    observed = np.bincount((draws * 100).astype(int), minlength=100)
    assert ((observed - n / 100) ** 2 / (n / 100)).sum() < CHI2_999[99]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param((0, 0, 0), (0, 0, 1), id="neighbouring ids"),
        pytest.param((0, 0, 0), (1, 0, 0), id="neighbouring seeds"),
        pytest.param(
            (0, stream_number("a", 0, Purpose.FLIP), 0),
            (0, stream_number("a", 0, Purpose.TARGET), 0),
            id="flip and target of a step",
        ),
        pytest.param(
            (0, stream_number("a", 0, Purpose.FLIP), 0),
            (0, stream_number("a", 1, Purpose.FLIP), 0),
            id="two steps of a type",
        ),
        pytest.param(
            (0, stream_number("a", 0, Purpose.FLIP), 0),
            (0, stream_number("b", 0, Purpose.FLIP), 0),
            id="two types",
        ),
    ],
)
def test_draws_are_independent(first, second):
    n = 100_000
    a, b = (
        choice(seed, stream, range(shift, n + shift), 10) for seed, stream, shift in (first, second)
    )
    table = np.bincount(a * 10 + b, minlength=100)
    assert ((table - n / 100) ** 2 / (n / 100)).sum() < CHI2_999[99]


def test_choice_is_uniform_and_reaches_both_ends():
    n = 100_000
    observed = np.bincount(choice(3, 1, range(n), 10), minlength=10)
    assert len(observed) == 10
    assert ((observed - n / 10) ** 2 / (n / 10)).sum() < CHI2_999[9]


def test_no_ids_no_draws():
    assert uniform(0, 0, []).shape == (0,)
    assert choice(0, 0, [], 5).shape == (0,)
