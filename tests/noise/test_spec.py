import dataclasses
import json
import math
from pathlib import Path

import pytest

from noisyseg.errors import InputError
from noisyseg.files import canonical_json
from noisyseg.noise.class_noise import NOISE_TYPES
from noisyseg.noise.spec import NoiseSpec, NoiseStep, parse_steps

CLASSES = ["cat", "dog", "cow"]
SYMMETRIC = NoiseStep(type="symmetric", rate=0.4)


def parse(raw, classes=CLASSES, base=Path()):
    return parse_steps(raw, classes, "suite.yaml, noise sym40", base)


def test_one_mapping_is_one_step():
    assert parse({"type": "symmetric", "rate": 0.4}) == (SYMMETRIC,)


def test_a_list_keeps_its_order():
    raw = [
        {"type": "asymmetric", "rate": 1, "map": {"dog": "cow", "cat": "dog"}},
        {"type": "symmetric", "rate": 0.4},
    ]
    first = NoiseStep(type="asymmetric", rate=1.0, pairs=(("cat", "dog"), ("dog", "cow")))
    assert parse(raw) == (first, SYMMETRIC)
    assert parse(raw[::-1]) == (SYMMETRIC, first)


def test_a_map_file_is_found_from_the_base(tmp_path):
    (tmp_path / "mine.yaml").write_text("cat: dog\n", encoding="utf-8")
    (step,) = parse({"type": "asymmetric", "rate": 0.2, "map": "mine.yaml"}, base=tmp_path)
    assert step.pairs == (("cat", "dog"),)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("symmetric", r"suite\.yaml, noise sym40: noise must be a mapping.*got 'symmetric'"),
        ([], r"got \[\]"),
        (None, "got None"),
        (["symmetric"], r"sym40, step 1: .*must be a mapping.*got 'symmetric'"),
        ({"rate": 0.4}, r"sym40: a noise step needs 'type'"),
        ({"type": "symetric", "rate": 0.4}, r"sym40: unknown noise type 'symetric'.*'symmetric'"),
        ({"type": ["symmetric"], "rate": 0.4}, r"unknown noise type"),
        ({"type": "symmetric"}, r"needs 'rate'"),
        ({"type": "symmetric", "rate": 0.4, "rat": 1}, r"sym40: unknown key.*'rat'.*mean 'rate'"),
        ({"type": "symmetric", "rate": 0.4, "map": "voc"}, r"unknown key of symmetric noise 'map'"),
        ({"type": "symmetric", "rate": 0.4, 3: 1}, r"unknown key of symmetric noise '3'"),
        ({"type": "asymmetric", "rate": 0.4}, r"needs 'map'"),
        ({"type": "asymmetric", "rate": 0.4, "map": {"cat": "zebra"}}, r"sym40: .*'zebra'"),
    ],
)
def test_bad_steps_are_refused_with_their_place(raw, message):
    with pytest.raises(InputError, match=message):
        parse(raw)


def test_the_place_of_a_bad_step_in_a_list_is_its_number():
    with pytest.raises(InputError, match=r"sym40, step 2: a noise rate .* got 7 "):
        parse([{"type": "symmetric", "rate": 0.4}, {"type": "symmetric", "rate": 7}])


@pytest.mark.parametrize(
    "rate", ["0.4", None, True, False, math.nan, math.inf, -0.1, 1.0000001, 40, 10**400, [0.4]]
)
def test_bad_rates_are_refused(rate):
    with pytest.raises(InputError, match="sym40: a noise rate must be a number from 0 to 1, got"):
        parse({"type": "symmetric", "rate": rate})


@pytest.mark.parametrize("raw", [{"type": "symmetric", "rate": 0.1}])
@pytest.mark.parametrize("classes", [["cat"], []])
def test_one_class_cannot_be_noisy(raw, classes):
    with pytest.raises(InputError, match=f"at least two classes, got {len(classes)}"):
        parse(raw, classes)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"type": "nope", "rate": 0.1}, "unknown noise type 'nope'"),
        ({"type": "symmetric", "rate": 2}, "rate"),
        ({"type": "symmetric", "rate": 0.1, "pairs": (("cat", "dog"),)}, "takes no class map"),
        ({"type": "asymmetric", "rate": 0.1}, "needs a class map"),
        ({"type": "asymmetric", "rate": 0.1, "pairs": ()}, "each source once"),
        (
            {"type": "asymmetric", "rate": 0.1, "pairs": (("cat", "dog"), ("cat", "cow"))},
            "each source once",
        ),
        ({"type": "asymmetric", "rate": 0.1, "pairs": (("cat", "cat"),)}, "into itself"),
    ],
)
def test_a_step_checks_itself(values, message):
    with pytest.raises(InputError, match=message):
        NoiseStep(**values)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, True, None, "1"])
def test_bad_seeds_are_refused(seed):
    with pytest.raises(InputError, match="seed must be an integer from 0"):
        NoiseSpec(steps=(SYMMETRIC,), seed=seed)


def test_a_spec_needs_a_step_and_a_known_convention():
    with pytest.raises(InputError, match="at least one step"):
        NoiseSpec(steps=(), seed=0)
    with pytest.raises(InputError, match=r"unknown noise convention 'papper'.*'paper'"):
        NoiseSpec(steps=(SYMMETRIC,), seed=0, convention="papper")


def test_resolved_leaves_nothing_to_default():
    steps = parse(
        [
            {"type": "symmetric", "rate": 0},
            {"type": "asymmetric", "rate": 0.2, "map": {"dog": "cat", "cat": "dog"}},
        ]
    )
    resolved = NoiseSpec(steps=steps, seed=2**64 - 1).resolved()
    assert resolved == {
        "convention": "paper",
        "seed": 2**64 - 1,
        "steps": [
            {"type": "symmetric", "version": NOISE_TYPES["symmetric"].version, "rate": 0.0},
            {
                "type": "asymmetric",
                "version": NOISE_TYPES["asymmetric"].version,
                "rate": 0.2,
                "map": {"cat": "dog", "dog": "cat"},
            },
        ],
    }
    assert json.loads(canonical_json(resolved)) == resolved


def test_equal_noise_has_equal_key_bytes_however_it_is_written(tmp_path):
    (tmp_path / "m.yaml").write_text("dog: cow\ncat: dog\n", encoding="utf-8")
    spellings = [
        {"type": "asymmetric", "rate": 1, "map": {"cat": "dog", "dog": "cow"}},
        {"map": {"dog": "cow", "cat": "dog"}, "rate": 1.0, "type": "asymmetric"},
        {"type": "asymmetric", "rate": 1, "map": "m.yaml"},
    ]
    specs = [NoiseSpec(steps=parse(raw, base=tmp_path), seed=3) for raw in spellings]
    assert len({canonical_json(spec.resolved()) for spec in specs}) == 1
    assert len(set(specs)) == 1  # hashable, so that a grid can share noisy files
    zeros = [NoiseStep(type="symmetric", rate=rate).resolved() for rate in (0, 0.0, -0.0)]
    assert len({canonical_json(zero) for zero in zeros}) == 1


def test_seed_rate_order_and_map_each_change_the_key_bytes():
    a = NoiseStep(type="asymmetric", rate=0.4, pairs=(("cat", "dog"),))
    b = NoiseStep(type="asymmetric", rate=0.4, pairs=(("dog", "cat"),))
    specs = [
        NoiseSpec(steps=(SYMMETRIC,), seed=0),
        NoiseSpec(steps=(SYMMETRIC,), seed=1),
        NoiseSpec(steps=(NoiseStep(type="symmetric", rate=0.2),), seed=0),
        NoiseSpec(steps=(a,), seed=0),
        NoiseSpec(steps=(b,), seed=0),
        NoiseSpec(steps=(a, SYMMETRIC), seed=0),
        NoiseSpec(steps=(SYMMETRIC, a), seed=0),
    ]
    assert len({canonical_json(spec.resolved()) for spec in specs}) == len(specs)


def test_specs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SYMMETRIC.rate = 0.5
