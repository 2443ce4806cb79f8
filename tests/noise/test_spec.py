import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from noisyseg.errors import InputError
from noisyseg.files import canonical_json
from noisyseg.located_yaml import read_yaml_value
from noisyseg.noise.resolved_spec import spec_from_resolved
from noisyseg.noise.spec import NoiseSpec, make_step, parse_steps
from noisyseg.noise.types.registry import NOISE_TYPES

CLASSES = ["cat", "dog", "cow"]
SYMMETRIC = make_step("symmetric", rate=0.4, classes=CLASSES)
ROWS = {"cat": {"cat": 0.5, "dog": 0.5}, "dog": {"dog": 1}, "cow": {"cow": 0.75, "cat": 0.25}}


def parse(raw, classes=CLASSES, base=Path()):
    return parse_steps(raw, classes, "suite.yaml, noise sym40", base)


def spec(*raw, seed=0, base=Path()):
    return NoiseSpec(steps=parse(list(raw), base=base), seed=seed)


@pytest.fixture
def scores(tmp_path):
    np.savez(
        tmp_path / "s.npz", ids=np.arange(4), scores=np.ones((4, 3)), classes=np.array(CLASSES)
    )
    return tmp_path / "s.npz"


@pytest.fixture
def class_steps(scores):
    """A raw step of every type of class noise."""
    raw = [
        {"type": "symmetric", "rate": 0.4},
        {"type": "symmetric", "rate": 0.4, "convention": "lncis-code", "crowds": False},
        {"type": "asymmetric", "rate": 0.1, "map": {"dog": "cat", "cat": "cow"}},
        {"type": "asymmetric", "rate": 0.1, "map": "coco", "convention": "lncis-code"},
        {"type": "superclass-pairs", "rate": 0.1},
        {"type": "superclass-uniform", "preset": "mid", "exempt": ["dog", "cat"]},
        {"type": "matrix", "matrix": ROWS},
        {"type": "confusion", "matrix": ROWS, "crowds": True},
        {"type": "instance-dependent", "rate": 0.3, "scores": str(scores)},
    ]
    kinds = {name for name, kind in NOISE_TYPES.items() if kind.family.name == "class"}
    assert {step["type"] for step in raw} == kinds
    return raw


def test_one_mapping_is_one_step():
    assert parse({"type": "symmetric", "rate": 0.4}) == (SYMMETRIC,)


def test_a_list_keeps_its_order():
    raw = [
        {"type": "asymmetric", "rate": 1, "map": {"dog": "cow", "cat": "dog"}},
        {"type": "symmetric", "rate": 0.4},
    ]
    first = make_step("asymmetric", rate=1.0, map={"cat": "dog", "dog": "cow"}, classes=CLASSES)
    assert parse(raw) == (first, SYMMETRIC)
    assert parse(raw[::-1]) == (SYMMETRIC, first)


def test_a_map_file_is_found_from_the_base(tmp_path):
    (tmp_path / "mine.yaml").write_text("cat: dog\n", encoding="utf-8")
    (step,) = parse({"type": "asymmetric", "rate": 0.2, "map": "mine.yaml"}, base=tmp_path)
    assert step.parameters["map"] == {"cat": "dog"}


def test_a_preset_stands_for_what_is_not_given():
    def rate(**raw):
        return parse({"type": "superclass-uniform", **raw})[0].parameters["rate"]

    assert rate(preset="mid") == rate(rate=0.3)
    assert rate(preset="mid", rate=0.7) == 0.7
    assert "preset" not in parse({"type": "superclass-uniform", "preset": "mid"})[0].resolved()


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
        ({"type": "symmetric"}, r"sym40: symmetric noise needs 'rate', got"),
        ({"type": "superclass-uniform"}, r"needs 'rate' or a preset \(easy, mid, hard\), got"),
        ({"type": "symmetric", "rate": 0.4, "rat": 1}, r"sym40: unknown key.*'rat'.*mean 'rate'"),
        ({"type": "symmetric", "rate": 0.4, "map": "voc"}, r"unknown key of symmetric noise 'map'"),
        ({"type": "symmetric", "rate": 0.4, 3: 1}, r"unknown key of symmetric noise '3'"),
        ({"type": "symmetric", "rate": 0.4, "preset": "mid"}, r"unknown key .*'preset'"),
        ({"type": "superclass-uniform", "preset": "midd"}, r"unknown preset .*'midd'.*mean 'mid'"),
        ({"type": "superclass-uniform", "preset": ["mid"]}, r"unknown preset of superclass"),
        ({"type": "symmetric", "rate": 0.4, "crowds": 1}, r"sym40, crowds: wanted true or false"),
        (
            {"type": "symmetric", "rate": 0.4, "convention": "papper"},
            r"sym40, convention: wanted one of paper, lncis-code, got 'papper'",
        ),
        ({"type": "asymmetric", "rate": 0.4}, r"needs 'map'"),
        ({"type": "asymmetric", "rate": 0.4, "map": {}}, r"sym40, map: .*non-empty mapping"),
        ({"type": "asymmetric", "rate": 0.4, "map": {"cat": "zebra"}}, r"sym40, map: .*'zebra'"),
        ({"type": "asymmetric", "rate": 0.4, "map": {"cat": "cat"}}, r"'cat' into itself"),
        ({"type": "matrix", "matrix": {"cat": {"dgo": 1}}}, r"sym40, matrix: .*'dgo'.*mean 'dog'"),
        ({"type": "matrix", "matrix": ROWS, "rate": 0.4}, r"unknown key of matrix noise 'rate'"),
        ({"type": "superclass-pairs", "rate": 0.1, "exempt": ["dgo"]}, r"exempt: .*mean 'dog'"),
    ],
)
def test_bad_steps_are_refused_with_their_place(raw, message):
    with pytest.raises(InputError, match=message) as caught:
        parse(raw)
    assert "\n" not in str(caught.value)


def test_the_place_of_a_bad_step_in_a_list_is_its_number():
    with pytest.raises(InputError, match=r"sym40, step 2, rate: a noise rate .* got 7 "):
        parse([{"type": "symmetric", "rate": 0.4}, {"type": "symmetric", "rate": 7}])


STEPS = """\
- {type: symmetric, rate: 0.4}
- type: superclass-uniform
  exempt: [dog]
  KEY: 7
"""


@pytest.mark.parametrize(
    ("key", "place", "message"),
    [
        ("rate", "line 4, step 2, rate", "a noise rate must be"),
        ("preset", "line 4, step 2", "unknown preset"),
        ("rat", "line 4, step 2", "unknown key of superclass-uniform noise 'rat'"),
        ("crowds", "line 2, step 2", "superclass-uniform noise needs 'rate' or a preset"),
    ],
)
def test_a_step_read_from_a_file_is_refused_with_the_line_of_its_key(tmp_path, key, place, message):
    file = tmp_path / "steps.yaml"
    text = STEPS.replace("KEY", key).replace("crowds: 7", "crowds: true")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        parse(read_yaml_value(file))
    assert str(caught.value).startswith(f"{file}, {place}: {message}")


def test_a_step_read_from_a_file_is_the_plain_one(tmp_path):
    file = tmp_path / "steps.yaml"
    file.write_text("type: asymmetric\nrate: 0.2\nmap: {cat: dog}\n", encoding="utf-8")
    (step,) = parse(read_yaml_value(file))
    assert (step,) == parse({"type": "asymmetric", "rate": 0.2, "map": {"cat": "dog"}})
    assert type(step.parameters["map"]) is dict


@pytest.mark.parametrize(
    "kind", [n for n, kind in NOISE_TYPES.items() if kind.family.name == "class"]
)
@pytest.mark.parametrize("classes", [["cat"], []])
def test_one_class_cannot_be_noisy(kind, classes):
    with pytest.raises(InputError, match=f"at least two classes, got {len(classes)}"):
        parse({"type": kind}, classes)


def test_steps_made_in_python_are_checked_alike():
    with pytest.raises(InputError, match=r"noise: unknown noise type 'nope'"):
        make_step("nope", rate=0.1, classes=CLASSES)
    with pytest.raises(InputError, match=r"here, rate: a noise rate must be .*got 2"):
        make_step("symmetric", rate=2, classes=CLASSES, where="here")
    with pytest.raises(InputError, match=r"unknown key of symmetric noise 'pairs'"):
        make_step("symmetric", rate=0.1, pairs=(("cat", "dog"),), classes=CLASSES)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, True, None, "1"])
def test_bad_seeds_are_refused(seed):
    with pytest.raises(InputError, match="seed must be an integer from 0"):
        NoiseSpec(steps=(SYMMETRIC,), seed=seed)


def test_a_spec_needs_a_step():
    with pytest.raises(InputError, match="at least one step"):
        NoiseSpec(steps=(), seed=0)


def test_resolved_leaves_nothing_to_default():
    resolved = spec(
        {"type": "symmetric", "rate": 0},
        {
            "type": "asymmetric",
            "rate": 0.2,
            "map": {"dog": "cat", "cat": "dog"},
            "convention": "lncis-code",
        },
        seed=2**64 - 1,
    ).resolved()
    assert resolved == {
        "seed": 2**64 - 1,
        "steps": [
            {
                "type": "symmetric",
                "version": NOISE_TYPES["symmetric"].version,
                "rate": 0.0,
                "convention": "paper",
                "crowds": False,
            },
            {
                "type": "asymmetric",
                "version": NOISE_TYPES["asymmetric"].version,
                "rate": 0.2,
                "map": {"cat": "dog", "dog": "cat"},
                "convention": "lncis-code",
                "crowds": True,
            },
        ],
    }
    assert json.loads(canonical_json(resolved)) == resolved


def first_parameters(kind):
    """Those that a resolved step names at any value; one added later, only off its default."""
    return [key for key, parameter in NOISE_TYPES[kind].parameters.items() if not parameter.later]


def test_no_parameter_of_a_resolved_step_is_open(class_steps):
    for step in parse(class_steps):
        resolved = step.resolved()
        assert set(resolved) == {"type", "version", *first_parameters(step.type)}
        assert None not in resolved.values()


def test_equal_noise_has_equal_key_bytes_however_it_is_written(tmp_path):
    (tmp_path / "m.yaml").write_text("dog: cow\ncat: dog\n", encoding="utf-8")
    (tmp_path / "t.yaml").write_text(yaml.safe_dump(ROWS), encoding="utf-8")
    families = [
        [
            {"type": "asymmetric", "rate": 1, "map": {"cat": "dog", "dog": "cow"}},
            {"map": {"dog": "cow", "cat": "dog"}, "rate": 1.0, "type": "asymmetric"},
            {"type": "asymmetric", "rate": 1, "map": "m.yaml", "crowds": False},
            {"type": "asymmetric", "rate": 1, "map": "m.yaml", "convention": "paper"},
        ],
        [{"type": "symmetric", "rate": zero} for zero in (0, 0.0, -0.0)],
        [{"type": "matrix", "matrix": "t.yaml"}, {"type": "matrix", "matrix": ROWS}],
        [
            {"type": "superclass-uniform", "preset": "mid"},
            {"type": "superclass-uniform", "rate": 0.3, "exempt": []},
        ],
        [
            {"type": "superclass-uniform", "rate": 0.3, "exempt": ["cat", "dog"]},
            {"type": "superclass-uniform", "rate": 0.3, "exempt": ["dog", "cat"]},
        ],
        [
            {"type": "superclass-pairs", "rate": 0.3},
            {"type": "superclass-pairs", "rate": 0.3, "exempt": []},
        ],
        [
            {"type": "symmetric", "rate": 0.3, "convention": "lncis-code"},
            {"type": "symmetric", "rate": 0.3, "convention": "lncis-code", "crowds": True},
        ],
    ]
    for spellings in families:
        specs = [spec(raw, seed=3, base=tmp_path) for raw in spellings]
        assert len({canonical_json(found.resolved()) for found in specs}) == 1
        assert len(set(specs)) == 1  # hashable, so that a grid can share noisy files


def test_seed_rate_order_and_parameters_each_change_the_key_bytes():
    symmetric = {"type": "symmetric", "rate": 0.4}
    a = {"type": "asymmetric", "rate": 0.4, "map": {"cat": "dog"}}
    specs = [
        spec(symmetric),
        spec(symmetric, seed=1),
        spec({**symmetric, "rate": 0.2}),
        spec({**symmetric, "crowds": True}),
        spec({**symmetric, "convention": "lncis-code"}),
        spec(a),
        spec({**a, "map": {"dog": "cat"}}),
        spec(a, symmetric),
        spec(symmetric, a),
        spec(symmetric, symmetric),
        spec({"type": "matrix", "matrix": ROWS}),
        spec({"type": "confusion", "matrix": ROWS}),
    ]
    assert len({canonical_json(found.resolved()) for found in specs}) == len(specs)
    assert len(set(specs)) == len(specs)


def files_of(found):
    """What was read from files for a spec's parameters, by their names."""
    return {
        key: step.parameters[key]
        for step in found.steps
        for key, parameter in NOISE_TYPES[step.type].parameters.items()
        if parameter.from_file
    }


def test_a_resolved_spec_becomes_the_spec_again(class_steps):
    whole = spec(*class_steps, seed=2**64 - 1)
    data = json.loads(canonical_json(whole.resolved()))
    again = spec_from_resolved(data, "manifest.json", files_of(whole))
    assert again == whole
    assert canonical_json(again.resolved()) == canonical_json(whole.resolved())
    assert again.steps[-1].parameters["scores"].content is files_of(whole)["scores"].content
    assert data == whole.resolved()  # and is left as it was


@pytest.mark.parametrize(
    "kind", [n for n, kind in NOISE_TYPES.items() if kind.family.name != "class"]
)
def test_steps_of_the_other_families_become_the_steps_again(kind):
    presets = [{"preset": preset} for preset in NOISE_TYPES[kind].presets]
    for given in presets or [{"rate": 0.1, "r": 0.2}, {"rate": 0, "r": 0.2, "crowds": True}]:
        known = {
            key: given[key] for key in given if key in (*NOISE_TYPES[kind].parameters, "preset")
        }
        whole = spec({"type": kind, **known})
        data = json.loads(canonical_json(whole.resolved()))
        assert spec_from_resolved(data, "m.json") == whole


def test_another_version_is_refused():
    data = spec({"type": "symmetric", "rate": 0.4}).resolved()
    made_by = data["steps"][0]["version"] = NOISE_TYPES["symmetric"].version - 1
    with pytest.raises(
        InputError, match=f"^manifest.json: made by version {made_by} of symmetric noise, .* makes"
    ):
        spec_from_resolved(data, "manifest.json")


def test_a_file_that_the_spec_was_read_from_must_be_given_again(class_steps, scores):
    whole = spec(class_steps[-1])
    data = whole.resolved()
    with pytest.raises(InputError, match=r"^m\.json: made with a file of scores, which .*sha256"):
        spec_from_resolved(data, "m.json")
    np.savez(scores, ids=np.arange(4), scores=np.zeros((4, 3)), classes=np.array(CLASSES))
    other = files_of(spec(class_steps[-1]))
    with pytest.raises(InputError, match=r"^m\.json: made with another file of scores"):
        spec_from_resolved(data, "m.json", other)


@pytest.mark.parametrize(
    "data",
    [
        *(None, 3, [], {}, {"seed": 1}, {"seed": 1, "steps": None}, {"steps": []}),
        {"seed": 1, "steps": ["symmetric"]},
        {"seed": 1, "steps": [{"type": "symmetric"}]},
    ],
)
def test_what_is_no_spec_is_refused(data):
    with pytest.raises(InputError, match=r"^m\.json: it holds no noise spec"):
        spec_from_resolved(data, "m.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "symetric"}, r"unknown noise type 'symetric'.*mean 'symmetric'"),
        ({"type": ["symmetric"]}, "unknown noise type"),
        ({"rat": 1}, "symmetric noise has the parameters rate, convention, crowds, exempt, these"),
        ({"rate": 7}, r"m\.json, rate: a noise rate must be a number from 0 to 1, got 7"),
        ({"rate": "0.4"}, "rate: a noise rate must be"),
        ({"crowds": None}, r"m\.json, crowds: wanted true or false"),
        ({"rate": 0}, r"m\.json, rate: 0 is no resolved value"),
        ({"rate": -0.0}, r"m\.json, rate: -0.0 is no resolved value"),
        ({"rate": 1}, r"m\.json, rate: 1 is no resolved value"),
        ({"convention": "papper"}, "convention: wanted one of"),
    ],
)
def test_an_edited_spec_is_refused(change, message):
    data = spec({"type": "symmetric", "rate": 0.4}).resolved()
    data["steps"][0] |= change
    with pytest.raises(InputError, match=message):
        spec_from_resolved(data, "m.json")
    with pytest.raises(InputError, match="seed must be an integer"):
        spec_from_resolved({**spec({"type": "symmetric", "rate": 0.4}).resolved(), "seed": -1}, "m")


@pytest.mark.parametrize(
    ("raw", "change"),
    [
        ({"type": "asymmetric", "rate": 0.1, "map": {"cat": "dog"}}, {"map": "cityscapes"}),
        ({"type": "asymmetric", "rate": 0.1, "map": {"cat": "dog"}}, {"map": {"cat": []}}),
        ({"type": "asymmetric", "rate": 0.1, "map": {"cat": "dog"}}, {"map": 3}),
        ({"type": "matrix", "matrix": ROWS}, {"matrix": {"classes": CLASSES, "rows": [[1]]}}),
        ({"type": "matrix", "matrix": ROWS}, {"matrix": ROWS}),
        ({"type": "matrix", "matrix": ROWS}, {"matrix": "gone.csv"}),
        ({"type": "superclass-pairs", "rate": 0.1}, {"exempt": ["dog", "cat"]}),
        ({"type": "superclass-pairs", "rate": 0.1}, {"exempt": None}),
    ],
)
def test_edited_maps_matrices_and_lists_are_refused(raw, change):
    data = spec(raw).resolved()
    data["steps"][0] |= change
    with pytest.raises(InputError, match=r"^m\.json, "):
        spec_from_resolved(data, "m.json")


EXEMPT_LATER = {"symmetric", "asymmetric", "matrix", "confusion", "instance-dependent", "bogus"}


def test_exempt_classes_change_no_spec_of_before(class_steps):
    found = {name for name, kind in NOISE_TYPES.items() if "exempt" in first_parameters(name)}
    assert found == {"superclass-pairs", "superclass-uniform"}
    for raw in (*class_steps, {"type": "bogus", "rate": 0.1}):
        if raw["type"] not in EXEMPT_LATER:
            continue
        (plain,), (empty,), (some,) = (
            parse({**raw, **more}) for more in ({}, {"exempt": []}, {"exempt": ["dog"]})
        )
        assert plain == empty != some
        assert "exempt" not in plain.resolved()
        assert some.resolved() == {**plain.resolved(), "exempt": ["dog"]}
        assert plain.parameters["exempt"] == []


def test_a_spec_with_exempt_classes_becomes_the_spec_again():
    step = {"type": "symmetric", "rate": 0.4, "exempt": ["dog", "cat"]}
    data = spec(step).resolved()
    assert data["steps"][0]["exempt"] == ["cat", "dog"]
    assert spec_from_resolved(data, "m.json") == spec(step)
    for edit in (["dog", "cat"], [], None, "cat"):
        data["steps"][0]["exempt"] = edit
        with pytest.raises(InputError, match=r"m\.json, exempt: "):
            spec_from_resolved(data, "m.json")


@pytest.mark.parametrize(
    "kind", sorted(EXEMPT_LATER - {"matrix", "confusion", "instance-dependent"})
)
def test_exempt_classes_must_be_ones(kind):
    raw = {"type": kind, "rate": 0.1, **({"map": {"cat": "dog"}} if kind == "asymmetric" else {})}
    with pytest.raises(InputError, match=r"sym40, exempt: unknown class 'dgo'.*mean 'dog'"):
        parse({**raw, "exempt": ["dgo"]})
    for wrong in ("dog", ["dog", "dog"], [1], None):
        with pytest.raises(InputError, match="exempt: wanted a list of different names"):
            parse({**raw, "exempt": wrong})


def test_specs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SYMMETRIC.type = "asymmetric"
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec({"type": "symmetric", "rate": 0.4}).seed = 3
