import pytest
import torch
from mmengine.optim import LinearLR, MultiStepLR

from noisyseg.bench.config.protocol import load_protocol
from noisyseg.bench.config.shipped import shipped_names
from noisyseg.bench.training.schedule import learning_rate_factor

SCHEDULE = {"warmup_iterations": 4, "warmup_factor": 0.2, "milestones": [1, 3], "gamma": 0.5}


@pytest.mark.parametrize(
    ("iteration", "factor"),
    [
        (0, 0.2),
        (1, 0.4),
        (2, 0.6),
        (3, 0.4),  # the second epoch has begun: half of 0.8
        (4, 0.5),
        (8, 0.5),
        (9, 0.25),  # the fourth
        (1000, 0.25),
    ],
)
def test_values_by_hand_with_three_iterations_an_epoch(iteration, factor):
    found = learning_rate_factor(iteration, iterations_per_epoch=3, schedule=SCHEDULE)
    assert found == pytest.approx(factor, rel=1e-12)


def test_without_warm_up_the_first_iteration_has_the_whole_rate():
    schedule = {**SCHEDULE, "warmup_iterations": 0, "milestones": []}
    assert learning_rate_factor(0, iterations_per_epoch=3, schedule=schedule) == 1.0


def test_a_milestone_that_stands_twice_decays_twice():
    """A rehearsal's four epochs have no room for two milestones of twelve."""
    schedule = {**SCHEDULE, "warmup_iterations": 0, "milestones": [1, 1, 3]}
    found = [learning_rate_factor(n, iterations_per_epoch=1, schedule=schedule) for n in range(4)]
    assert found == [1.0, 0.25, 0.25, 0.125]


@pytest.mark.parametrize("name", shipped_names("protocol"))
def test_it_is_mmengines_linear_warm_up_and_step_decay(name):
    schedule = load_protocol(name, where="")["schedule"]
    iterations_per_epoch = 37
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    # mmengine's `end` lies beyond the last iteration of the warm-up, whose factor is already 1.
    end = schedule["warmup_iterations"] + 1
    milestones = [epoch * iterations_per_epoch for epoch in schedule["milestones"]]
    schedulers = [
        LinearLR(optimizer, start_factor=schedule["warmup_factor"], by_epoch=False, end=end),
        MultiStepLR(optimizer, milestones=milestones, gamma=schedule["gamma"], by_epoch=False),
    ]
    for iteration in range(600):
        expected = optimizer.param_groups[0]["lr"]
        found = learning_rate_factor(
            iteration, iterations_per_epoch=iterations_per_epoch, schedule=schedule
        )
        assert found == pytest.approx(expected, rel=1e-9), iteration
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
