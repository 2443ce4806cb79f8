"""Against one list of all predictions, which is what one rank keeps of them."""

from itertools import count

import pytest
import torch

from noisyseg.methods.kept_predictions import merged_predictions

LIMIT = 6


class Keeper:
    """One rank: keeps the last predictions as `Correction` does, each in the oldest's place."""

    def __init__(self, state=None):
        self.seen = torch.zeros(LIMIT, 1)
        self.count, self.epoch = 0, -1
        if state is not None:
            self.count, self.epoch = state["count"], state["epoch"]
            if "seen" in state:
                self.seen[: len(state["seen"])] = state["seen"]

    def keep(self, epoch, *values):
        if epoch != self.epoch:
            self.count, self.epoch = 0, epoch
        for value in values:
            self.seen[self.count % LIMIT] = value
            self.count += 1
        return self

    def state(self):
        state = {"count": self.count, "epoch": self.epoch}
        return state | ({"seen": self.seen[: self.count].clone()} if self.count else {})


def merged(before, *keepers):
    state = merged_predictions(before, [keeper.state() for keeper in keepers], limit=LIMIT)
    return state["count"], sorted(state.get("seen", torch.zeros(0, 1)).flatten().tolist()), state


START = Keeper().state()


def test_what_each_rank_kept_is_kept():
    found = merged(START, Keeper().keep(0, 1, 2), Keeper().keep(0, 3), Keeper())
    assert found[:2] == (3, [1, 2, 3])
    assert merged(START, Keeper(), Keeper())[:2] == (0, [])


def test_what_was_shared_before_counts_once():
    _, _, shared = merged(START, Keeper().keep(0, 1, 2), Keeper().keep(0, 3))
    found = merged(shared, Keeper(shared).keep(0, 4), Keeper(shared).keep(0, 5, 6))
    assert found[:2] == (6, [1, 2, 3, 4, 5, 6])


def test_an_epoch_before_is_forgotten():
    _, _, shared = merged(START, Keeper().keep(0, 1, 2), Keeper().keep(0, 3))
    found = merged(shared, Keeper(shared).keep(1, 7), Keeper(shared))
    assert found[:2] == (1, [7])


@pytest.mark.parametrize("own", [(4, 4), (9, 3), (20, 0), (1, 6), (3, 3)])
def test_of_too_many_the_last_of_each_are_kept_and_the_oldest_goes_next(own):
    numbers = count()
    ranks = [[next(numbers) for _ in range(size)] for size in own]
    total, kept, state = merged(START, *(Keeper().keep(0, *values) for values in ranks))
    assert total == sum(own)
    assert len(kept) == min(LIMIT, total)
    for values in ranks:
        mine = [value for value in kept if value in values]
        assert mine == values[len(values) - len(mine) :]
        even = LIMIT * len(values) / max(total, LIMIT)
        assert abs(len(mine) - even) <= 1
    going_on = Keeper(state)
    in_order = []
    for value in range(100, 100 + LIMIT):
        before = set(going_on.seen.flatten().tolist())
        going_on.keep(0, value)
        in_order += before - set(going_on.seen.flatten().tolist())
    for values in ranks:
        assert [value for value in in_order if value in values] == [
            value for value in values if value in in_order
        ]


def test_a_full_table_goes_on_after_an_exchange():
    shared = Keeper().keep(0, *range(8)).state()
    found = merged(shared, Keeper(shared).keep(0, 10), Keeper(shared).keep(0, 20, 21))
    assert found[:2] == (11, [5, 6, 7, 10, 20, 21])
