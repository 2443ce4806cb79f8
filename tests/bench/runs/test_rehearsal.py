import pytest

from noisyseg.bench.config.protocol import load_protocol
from noisyseg.bench.runs.rehearsal import image_limits, is_rehearsal, rehearsed
from noisyseg.bench.training.schedule import learning_rate_factor


@pytest.fixture
def protocol(read):
    def make(**changes):
        raw = read("extends: smoke\nname: mine\n")
        values = load_protocol(raw, where="here")
        values["schedule"] = {**values["schedule"], "milestones": changes.pop("milestones", [1])}
        return {**values, "micro_batch": values["batch_size"], **changes}

    return make


@pytest.mark.parametrize(
    ("epochs", "milestones", "expected"),
    [
        (12, [9], [1, 1, 1, 0.1]),  # VOC: decays in the last quarter
        (12, [8, 11], [1, 1, 1, 0.01]),  # COCO: both decays
        (64, [48], [1, 1, 1, 0.1]),  # Cityscapes
        (12, [], [1, 1, 1, 1]),
        (100, [1], [1, 0.1, 0.1, 0.1]),
    ],
)
def test_the_schedule_keeps_its_shape_in_four_iterations(protocol, epochs, milestones, expected):
    short = rehearsed(protocol(epochs=epochs, milestones=milestones), shrink=False)
    assert short["epochs"] == 4
    schedule = {**short["schedule"], "warmup_iterations": 0}
    factors = [learning_rate_factor(i, iterations_per_epoch=1, schedule=schedule) for i in range(4)]
    assert factors == pytest.approx(expected)


def test_a_rehearsal_trains_on_one_batch_and_real_runs_on_everything(protocol):
    real = protocol(batch_size=16, micro_batch=2)
    assert image_limits(real) == (None, None)
    assert not is_rehearsal(real)
    short = rehearsed(real, shrink=False)
    assert is_rehearsal(short)
    assert image_limits(short) == (16, 4)
    assert (short["batch_size"], short["micro_batch"]) == (16, 2)
    assert short["image"] == real["image"]


def test_without_a_gpu_images_and_batch_shrink_and_ranges_stay_ranges(protocol):
    image = {
        "scale": [2048, 800],
        "scale_to": [2048, 1024],
        "test_scale": [2048, 1024],
        "flip": 0.5,
        "min_size": 32,
    }
    short = rehearsed(protocol(batch_size=16, micro_batch=2, image=image), shrink=True)
    assert (short["batch_size"], short["micro_batch"]) == (1, 1)
    assert short["image"] == {
        **image,
        "scale": [256, 100],
        "scale_to": [256, 128],
        "test_scale": [256, 128],
    }
    assert image_limits(short) == (1, 2)


def test_small_images_are_not_enlarged(protocol):
    real = protocol()
    assert rehearsed(real, shrink=True)["image"] == real["image"]
