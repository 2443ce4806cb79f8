import pytest

from noisyseg.bench.cli.noise.classes import only_among
from noisyseg.errors import InputError

CLASSES = ("cat", "dog", "cow", "hen")


def test_every_step_gets_the_others():
    raw = [{"type": "symmetric", "rate": 0.4}, {"type": "bogus", "rate": 0.1, "exempt": ["cat"]}]
    first, second = only_among(raw, ["dog", "cat"], CLASSES)
    assert first == {"type": "symmetric", "rate": 0.4, "exempt": ["cow", "hen"]}
    assert second["exempt"] == ["cat", "cow", "hen"]
    assert only_among(raw[0], CLASSES, CLASSES)["exempt"] == []
    assert "exempt" not in raw[0]


@pytest.mark.parametrize("raw", [None, 3, "symmetric", {"rate": 0.4}, {"type": "symetric"}])
def test_what_is_no_step_is_left_for_the_parser(raw):
    assert only_among(raw, ["cat"], CLASSES) == raw
    assert only_among([raw], ["cat"], CLASSES) == [raw]


@pytest.mark.parametrize("kind", ["missing", "scale", "box-jitter"])
def test_steps_without_labels_are_refused(kind):
    raw = [{"type": "symmetric", "rate": 0.4}, {"type": kind, "rate": 0.1}]
    with pytest.raises(InputError, match=f"which {kind} noise does not change"):
        only_among(raw, ["cat", "dog"], CLASSES)
