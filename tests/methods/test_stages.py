import pytest

from noisyseg.methods.stages import Beginning, Stage, stage_at

THREE = [
    Stage(name="a", until=0.25),
    Stage(name="b", until=0.5),
    Stage(name="c", until=1.0),
]


def test_each_epoch_is_in_its_stage():
    assert "".join(stage_at(THREE, epoch, 8).name for epoch in range(8)) == "aabbcccc"


def test_the_last_stage_never_ends():
    assert stage_at([Stage(name="only", until=0.0)], 5, 6).name == "only"


@pytest.mark.parametrize("num_epochs", [12, 36, 64, 100])
def test_rounding_loses_and_adds_no_epoch(num_epochs):
    """A stage until k/E ends after k epochs, for every k: many k/E*E are not whole in floats."""
    ends = [Stage(name="", until=k / num_epochs).last_epoch(num_epochs) for k in range(num_epochs)]
    assert ends == list(range(num_epochs))


@pytest.mark.parametrize(
    ("until", "num_epochs", "last"), [(0.29, 100, 29), (0.1, 30, 3), (0.5, 5, 2)]
)
def test_fractions_as_a_user_writes_them(until, num_epochs, last):
    assert Stage(name="", until=until).last_epoch(num_epochs) == last


def test_a_first_stage_of_no_and_of_all_epochs():
    two = [Stage(name="a", until=0.0), Stage(name="b", until=1.0)]
    assert {stage_at(two, epoch, 12).name for epoch in range(12)} == {"b"}
    two = [Stage(name="a", until=1.0), Stage(name="b", until=1.0)]
    assert {stage_at(two, epoch, 12).name for epoch in range(12)} == {"a"}
    assert stage_at(two, 12, 12).name == "b"


@pytest.mark.parametrize(
    ("beginning", "parameters", "epochs"),
    [
        (Beginning(method="ce", until=0.29), {}, 29),
        (Beginning(method="ce", until="e1"), {"e1": 0.5}, 50),
        (Beginning(method="ce", until="e1"), {"e1": 1.0}, 100),
        (Beginning(method="ce", until="e1"), {"e1": 0.0}, 0),
        (Beginning(method="ce", until="e1", when="on"), {"e1": 0.5, "on": True}, 50),
        (Beginning(method="ce", until="e1", when="on"), {"e1": 0.5, "on": False}, 0),
        # Anyone's own may have a warm-up of -1 or of 7 as its parameter.
        (Beginning(method="ce", until="warmup"), {"warmup": 7.0}, 100),
        (Beginning(method="ce", until="warmup"), {"warmup": -1.0}, 0),
    ],
)
def test_in_how_many_epochs_a_method_is_another(beginning, parameters, epochs):
    assert beginning.epochs(parameters, 100) == epochs
