"""States of several ranks made one: as if one instance had seen all that they saw."""

import inspect
from dataclasses import replace

import pytest
import torch

from noisyseg.methods.contract.batches import EPOCHS, batch, lost
from noisyseg.methods.contract.demands import tensors
from noisyseg.methods.registry import METHODS, resolve

STATEFUL = {
    "elr": {},
    "jol": {},
    "jol with a prior": {"prior": "labels"},
    "forward": {"warmup": 0.75},
    "backward": {"warmup": 0.75},
}


def test_every_built_in_with_a_state_says_how_states_become_one():
    classes = {name: method.load() for name, method in METHODS.items()}
    with_state = {n for n, kind in classes.items() if inspect.isclass(kind)}
    assert with_state == {name.split()[0] for name in STATEFUL}
    for name in METHODS:
        assert resolve(name, {}).start().is_mergeable


def seen_by(rank, epoch, number):
    """A batch of images that this rank alone has in the epoch."""
    given = batch(epoch=epoch, seed=10 * epoch + 3 * number + rank)
    own = torch.where(given.annotation_ids < 0, -1, given.annotation_ids + 1000 * (number % 2))
    # Its images are others in every epoch: an annotation goes from one rank to the other.
    own = torch.where(own < 0, -1, own + 50 * ((rank + epoch) % 2))
    return replace(given, annotation_ids=own)


@pytest.mark.parametrize("name", STATEFUL)
def test_ranks_that_exchange_their_states_are_as_one(name):
    """Also with an exchange in the middle of an epoch, as a checkpoint there makes it."""
    method = resolve(name.split()[0], STATEFUL[name])
    one, *ranks = (method.start() for _ in range(3))
    before = one.state_dict()
    for epoch in range(EPOCHS):
        for running in (one, *ranks):
            running.start_epoch(epoch)
        for number in range(2):
            for rank, running in enumerate(ranks):
                given = seen_by(rank, epoch, number)
                whole, own = lost(one, given), lost(running, given)
                if name != "jol with a prior":  # which counts its own alone in between
                    torch.testing.assert_close(own, whole)
            if number == 1 or epoch == 1:
                states = [running.state_dict() for running in ranks]
                before = ranks[0].merged_state(before, states)
                for running in ranks:
                    running.load_state_dict(before)
        found, expected = dict(tensors(before)), dict(tensors(one.state_dict()))
        assert found.keys() == expected.keys()
        for place, tensor in expected.items():
            if place == "seen":  # in no order
                tensor, found[place] = tensor.sort(dim=0)[0], found[place].sort(dim=0)[0]
            torch.testing.assert_close(found[place], tensor)
    assert any(len(tensor) for tensor in expected.values())
