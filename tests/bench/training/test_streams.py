from itertools import product

import pytest

from noisyseg.bench.training.streams import stream_seed


@pytest.mark.parametrize(
    ("arguments", "first_eight_bytes"),
    [
        # printf '7/shuffle/3' | sha256sum
        ((7, "shuffle", 3), "2c9c1fedc2f8810c"),
        ((0, "initial weights"), "1f4ab5c215dedb5e"),
        ((7, "augmentation", 2, 15), "b42b7bd465989cff"),
    ],
)
def test_it_is_the_documented_hash(arguments, first_eight_bytes):
    assert stream_seed(*arguments) == int(first_eight_bytes, 16) // 2


def test_each_epoch_and_image_has_a_seed_of_its_own_that_torch_accepts():
    numbers = product(range(3), ("augmentation", "epoch"), range(20), range(20))
    seeds = [stream_seed(train, purpose, *rest) for train, purpose, *rest in numbers]
    assert len(set(seeds)) == len(seeds) == 2400
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_numbers_do_not_run_together():
    assert stream_seed(1, "augmentation", 1, 23) != stream_seed(1, "augmentation", 12, 3)
