"""Plans are such that a protocol takes them, and that they end."""

import pytest

from noisyseg.bench.config.protocol import load_protocol
from noisyseg.bench.first_suite.training_plan import Sizes, plan_training
from noisyseg.located_yaml import parse_yaml


def sizes(**changed):
    usual = {"train": 500, "eval": 100, "long_side": 640, "short_side": 480, "shortest": 200}
    return Sizes(**{**usual, "object_share": 0.2, **changed})


@pytest.mark.parametrize("device", ["cpu", "gpu"])
@pytest.mark.parametrize("train", [1, 2, 7, 30, 92, 351, 2167, 5717, 118_287])
def test_a_protocol_takes_what_is_planned(device, train):
    plan = plan_training(sizes(train=train, eval=train), device)
    text = (
        f"p: {{extends: {plan.protocol}, name: p, epochs: {plan.epochs}, "
        f"schedule: {{warmup_iterations: {plan.warmup}, milestones: {plan.milestones}}}, "
        f"image: {{scale: {list(plan.scale)}, min_size: {plan.min_size}}}}}"
    )
    protocol = load_protocol(parse_yaml(text, "plan")["p"], where="plan")
    assert protocol["batch_size"] == plan.batch
    used = plan.train_limit or train
    assert plan.warmup <= -(-used // plan.batch) * plan.epochs / 10


@pytest.mark.parametrize("train", [30, 500, 5000, 118_287])
@pytest.mark.parametrize("share", [0.7, 0.15, 0.03])
def test_a_run_on_a_cpu_takes_minutes(train, share):
    plan = plan_training(sizes(train=train, eval=5000, object_share=share), "cpu")
    assert 1 <= plan.minutes <= 7
    assert plan.eval_limit == 500


def test_smaller_objects_get_larger_images():
    sides = [
        plan_training(sizes(object_share=share), "cpu").scale[0] for share in (0.5, 0.15, 0.1, 0.01)
    ]
    assert sides == [128, 192, 256, 320]


def test_all_images_are_used_where_there_is_time():
    assert plan_training(sizes(train=200), "cpu").train_limit is None
    assert plan_training(sizes(train=20_000), "gpu").train_limit is None


def test_a_gpu_enlarges_small_images_twice_at_most():
    assert plan_training(sizes(long_side=192, short_side=192), "gpu").scale == (384, 384)
    assert plan_training(sizes(long_side=640, short_side=480), "gpu").scale == (1280, 800)
    assert plan_training(sizes(long_side=4000, short_side=3000), "gpu").scale == (1333, 800)


def test_small_images_are_trained_on_all_the_same():
    assert plan_training(sizes(shortest=20), "cpu").min_size == 20
