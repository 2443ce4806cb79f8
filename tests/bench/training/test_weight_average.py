"""The mean of the last epochs' weights: its value, what is left alone, and that it is resumed."""

import pytest
import torch
from torch import nn

from noisyseg.bench.training.weight_average import WeightAverage, check_averageable
from noisyseg.errors import InputError


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.0, 0.0]))
        self.frozen = nn.Parameter(torch.tensor(7.0), requires_grad=False)


def go(model, average, epochs):
    """Each epoch ends with w = (epoch, 10 · epoch)."""
    for epoch in epochs:
        with torch.no_grad():
            model.w.copy_(torch.tensor([epoch, 10.0 * epoch]))
        average.end_epoch(epoch)


@pytest.mark.parametrize(
    ("last", "mean"), [(0, 5.0), (1, 5.0), (2, 4.5), (3, 4.0), (6, 2.5)], ids=str
)
def test_the_weights_are_in_the_end_the_mean_of_the_last_epochs(last, mean):
    model = Two()
    go(model, WeightAverage(model, {"epochs": 6, "average_last": last}), range(6))
    assert model.w.tolist() == [mean, 10 * mean]
    assert model.frozen.item() == 7.0


def test_until_the_last_epoch_the_training_sees_its_own_weights():
    model = Two()
    go(model, WeightAverage(model, {"epochs": 6, "average_last": 3}), range(5))
    assert model.w.tolist() == [4.0, 40.0]


def test_without_the_key_nothing_is_kept():
    average = WeightAverage(Two(), {"epochs": 6})
    assert average.state_dict() == {}
    average.load_state_dict({})  # of a checkpoint that was written before averages were


@pytest.mark.parametrize("stop", [1, 4, 5])
def test_it_goes_on_from_a_checkpoints_sums(stop):
    protocol = {"epochs": 6, "average_last": 3}
    first, second = Two(), Two()
    before = WeightAverage(first, protocol)
    go(first, before, range(stop))
    after = WeightAverage(second, protocol)
    after.load_state_dict({name: value.clone() for name, value in before.state_dict().items()})
    go(second, after, range(stop, 6))
    assert second.w.tolist() == [4.0, 40.0]


def test_a_detector_that_learns_statistics_is_refused_with_the_place(tiny):
    with pytest.raises(InputError, match=r"model tiny: its backbone\S* \(BatchNorm2d\) learns"):
        check_averageable(tiny(), name="tiny")


def test_a_detector_whose_statistics_are_frozen_is_not(tiny):
    detector = tiny()
    detector.backbone.norm_eval = True
    check_averageable(detector, name="tiny")
    check_averageable(Two(), name="two")
