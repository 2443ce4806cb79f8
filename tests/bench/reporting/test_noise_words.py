"""What pages say of a noise: words, the matrix, and a spec that makes it again."""

import pytest
import yaml

from noisyseg.bench.reporting.noise_words import described
from noisyseg.noise.spec import NoiseSpec, parse_steps

CLASSES = ["cat", "cow", "dog"]


def resolved(raw):
    steps = parse_steps(raw, CLASSES, "noise")
    return {"steps": NoiseSpec(steps=steps, seed=0).resolved()["steps"]}


def test_symmetric_noise_keeps_a_class_or_turns_it_into_each_other_one_alike():
    told = described(resolved({"type": "symmetric", "rate": 0.4}), CLASSES)
    assert told.steps[0].startswith("symmetric: a different class, uniformly (Yang et al.")
    assert "rate 0.4" in told.steps[0]
    assert told.matrix["cat"] == pytest.approx([0.6, 0.2, 0.2])
    assert told.matrix["dog"] == pytest.approx([0.2, 0.2, 0.6])


def test_asymmetric_noise_goes_by_its_map():
    told = described(resolved({"type": "asymmetric", "rate": 0.25, "map": {"cat": "dog"}}), CLASSES)
    assert told.matrix == {"cat": [0.75, 0, 0.25], "cow": [0, 1, 0], "dog": [0, 0, 1]}
    assert "cat → dog" in told.steps[0]


def test_two_steps_are_multiplied_in_their_order():
    steps = [
        {"type": "asymmetric", "rate": 0.5, "map": {"cat": "dog"}},
        {"type": "asymmetric", "rate": 0.5, "map": {"dog": "cow"}},
    ]
    told = described(resolved(steps), CLASSES)
    assert len(told.steps) == 2
    assert told.matrix["cat"] == pytest.approx([0.5, 0.25, 0.25])


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "symmetric", "rate": 0.4},
        {"type": "symmetric", "rate": 0.4, "convention": "lncis-code"},
        [
            {"type": "asymmetric", "rate": 0.2, "map": {"cat": "dog"}},
            {"type": "missing", "rate": 0.1},
        ],
    ],
)
def test_the_spec_makes_the_same_noise(raw):
    noise = resolved(raw)
    told = described(noise, CLASSES)
    assert resolved(yaml.safe_load(told.spec)) == noise


def test_noise_of_other_things_than_classes_has_no_matrix():
    assert described(resolved({"type": "missing", "rate": 0.1}), CLASSES).matrix is None
    unknown = {"steps": [{"type": "of-my-own", "version": 1, "rate": 0.1, "file_sha256": "0" * 64}]}
    told = described(unknown, CLASSES)
    assert told.matrix is None
    assert told.steps == ["of-my-own: a type of the submitter's own; rate 0.1"]
