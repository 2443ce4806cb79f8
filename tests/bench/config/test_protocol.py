import pytest

from noisyseg.bench.config.protocol import load_protocol
from noisyseg.errors import InputError
from noisyseg.files import canonical_json

WHOLE = """\
name: mine
version: 3
epochs: 12
batch_size: 8
gradient_clip: null
optimizer: {type: SGD, lr: 0.02, momentum: 0, weight_decay: 1.0e-4}
schedule: {warmup_iterations: 100, warmup_factor: 0.001, milestones: [8, 11], gamma: 0.1}
image: {scale: [128, 96], flip: 0.5, min_size: 32}
"""
GROUPING = "aspect_ratio_grouping"


def test_a_whole_protocol_is_read_as_it_stands(read):
    assert load_protocol(read(WHOLE), where="") == {
        "name": "mine",
        "version": 3,
        "epochs": 12,
        "batch_size": 8,
        "micro_batch": 8,
        "aspect_ratio_grouping": False,
        "gradient_clip": None,
        "optimizer": {"type": "SGD", "lr": 0.02, "momentum": 0.0, "weight_decay": 0.0001},
        "schedule": {
            "warmup_iterations": 100,
            "warmup_factor": 0.001,
            "milestones": [8, 11],
            "gamma": 0.1,
        },
        "image": {
            "scale": [128, 96],
            "scale_to": None,
            "test_scale": [128, 96],
            "flip": 0.5,
            "min_size": 32,
        },
    }


@pytest.mark.parametrize(
    ("name", "epochs", "milestones", "batch", "lr"),
    [
        ("voc", 12, [9], 4, 0.005),
        ("coco", 12, [8, 11], 16, 0.02),
        ("cityscapes", 64, [48], 2, 0.0025),
    ],
)
@pytest.mark.parametrize("version", ["mmdet3", "legacy", "fast"])
def test_the_papers_protocols_hold_what_section_5_says(
    name, version, epochs, milestones, batch, lr
):
    protocol = load_protocol(f"paper-{name}-{version}", where="")
    assert (protocol["epochs"], protocol["batch_size"]) == (epochs, batch)
    assert protocol["schedule"]["milestones"] == milestones
    assert protocol["schedule"]["gamma"] == 0.1
    optimizer = {"type": "SGD", "lr": lr, "momentum": 0.9, "weight_decay": 0.0001}
    assert protocol["optimizer"] == optimizer
    assert lr / batch == 0.00125  # one linear rule
    assert protocol["image"]["flip"] == 0.5
    large = name == "cityscapes"
    assert protocol["image"]["scale"] == ([2048, 800] if large else [1333, 800])
    assert protocol["image"]["scale_to"] == ([2048, 1024] if large else None)
    assert protocol["image"]["test_scale"] == ([2048, 1024] if large else [1333, 800])


def test_equal_values_give_equal_bytes_however_they_are_written(read):
    other = WHOLE.replace("lr: 0.02", "lr: 2.0e-2").replace("momentum: 0,", "momentum: -0.0,")
    one, two = load_protocol(read(WHOLE), where=""), load_protocol(read(other), where="")
    assert canonical_json(one) == canonical_json(two)


def test_a_protocol_may_extend_a_shipped_one(read):
    mine = load_protocol(
        read("extends: smoke\nname: longer\nepochs: 9\nschedule: {milestones: []}"), where=""
    )
    base = load_protocol("smoke", where="")
    assert mine["schedule"] == {**base["schedule"], "milestones": []}
    assert {**mine, "schedule": None} == {
        **base,
        "name": "longer",
        "epochs": 9,
        "schedule": None,
    }


@pytest.mark.parametrize(
    ("keys", "scale_to", "test_scale"),
    [
        ("scale_to: [160, 120]", [160, 120], [128, 96]),
        ("scale_to: null", None, [128, 96]),
        ("test_scale: [256, 192]", None, [256, 192]),
        ("scale_to: [160, 120], test_scale: [256, 192]", [160, 120], [256, 192]),
    ],
)
def test_training_scales_may_be_a_range_and_evaluation_has_its_own(
    read, keys, scale_to, test_scale
):
    image = load_protocol(read(WHOLE.replace("flip", f"{keys}, flip")), where="")["image"]
    assert image["scale"] == [128, 96]
    assert (image["scale_to"], image["test_scale"]) == (scale_to, test_scale)


def test_a_smaller_batch_than_the_base_s_passes_needs_passes_of_its_own(read):
    base = "extends: paper-coco-mmdet3\nname: x\nbatch_size: 1"
    with pytest.raises(InputError, match="micro_batch must divide batch_size 1, got 2"):
        load_protocol(read(base), where="")
    assert load_protocol(read(f"{base}\nmicro_batch: 1"), where="")["micro_batch"] == 1


def test_another_optimizer_leaves_the_base_s_values_if_it_replaces_it(read):
    changed = "optimizer: {_replace: true, type: AdamW, lr: 1.0e-3, weight_decay: 0.05}"
    optimizer = load_protocol(read(f"extends: smoke\n{changed}"), where="")["optimizer"]
    assert optimizer == {"type": "AdamW", "lr": 0.001, "weight_decay": 0.05}


@pytest.mark.parametrize(
    ("key", "default", "others"),
    [
        ("precision", "tf32", ("bf16", "fp32")),
        ("memory_format", "contiguous", ("channels-last",)),
        ("average_last", 0, (1, 12)),
    ],
)
def test_a_default_that_came_later_leaves_the_protocol_as_it_was(read, key, default, others):
    plain = load_protocol(read(WHOLE), where="")
    assert load_protocol(read(f"{WHOLE}{key}: {default}\n"), where="") == plain
    for other in others:
        protocol = load_protocol(read(f"{WHOLE}{key}: {other}\n"), where="")
        assert protocol == {**plain, key: other}


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("version: 3", "version: 0", 2, "version must be an integer of at least 1"),
        ("epochs: 12", "epochs: 1.5", 3, "epochs must be an integer"),
        ("epochs: 12", "epoch: 12", 3, "unknown key of a protocol 'epoch'. Did you mean 'epochs'"),
        ("batch_size: 8\n", "", 1, "a protocol needs the key 'batch_size'"),
        ("batch_size: 8", "batch_size: 0", 4, "batch_size must be an integer of at least 1"),
        ("gradient_clip: null", "gradient_clip: -1", 5, "gradient_clip must be a number"),
        ("type: SGD", "type: SGDM", 6, "unknown optimizer type 'SGDM'. Did you mean 'SGD'"),
        ("type: SGD", "type: [SGD]", 6, "unknown optimizer type"),
        ("type: SGD, ", "", 6, "optimizer needs the key 'type'"),
        ("lr: 0.02, ", "", 6, "optimizer SGD needs the key 'lr'"),
        ("lr: 0.02", "lr: 1e-4", 6, "got '1e-4' .YAML reads 1e-4 as text: write 1.0e-4"),
        ("lr: 0.02", "lr: -0.1", 6, "lr must be a number of at least 0"),
        ("momentum: 0", "momentum: 1.1", 6, "momentum must be a number from 0 to 1"),
        ("momentum: 0", "momentun: 0", 6, "Did you mean 'momentum'"),
        ("100", "-1", 7, "warmup_iterations must be an integer of at least 0"),
        ("[8, 11]", "[8.5]", 7, "milestones must be a list of epochs"),
        ("[8, 11]", "['8']", 7, "milestones must be a list of epochs"),
        ("[8, 11]", "[true]", 7, "milestones must be a list of epochs"),
        ("[8, 11]", "8", 7, "milestones must be a list of epochs"),
        ("[8, 11]", "[8, 8]", 7, "milestones names 8 more than once"),
        ("[8, 11]", "[11, 8]", 7, "milestones must be epochs of at least 1 in rising order"),
        ("[8, 11]", "[8, 12]", 7, r"cannot decay after epoch 12 of 12"),
        ("[8, 11]", "[0, 8]", 7, "milestones must be epochs of at least 1 in rising order"),
        ("gamma: 0.1", "gamma: .nan", 7, "gamma must be a number from 0 to 1"),
        ("[128, 96]", "128", 8, r"scale must be \[width, height\]"),
        ("[128, 96]", "[128]", 8, r"scale must be \[width, height\]"),
        ("[128, 96]", "[128, 8]", 8, r"scale must be \[width, height\]"),
        ("[128, 96]", "[128.0, 96]", 8, r"scale must be \[width, height\]"),
        ("flip: 0.5", "flip: true", 8, "flip must be a number from 0 to 1"),
        ("min_size: 32", "min_size: null", 8, "min_size must be an integer"),
        ("{scale: [128, 96], flip: 0.5, min_size: 32}", "128", 8, "image must be a mapping"),
        ("gradient", "micro_batch: true\ngradient", 5, "micro_batch must be an integer"),
        ("gradient", "micro_batch: null\ngradient", 5, "micro_batch must be an integer"),
        ("gradient", f"{GROUPING}: 'yes'\ngradient", 5, "must be true or false, got 'yes'"),
        ("gradient", f"{GROUPING}: null\ngradient", 5, "must be true or false, got None"),
        ("gradient", "aspect_grouping: true\ngradient", 5, f"Did you mean '{GROUPING}'"),
        ("gradient", "precision: fp16\ngradient", 5, "unknown precision 'fp16'. Did you mean"),
        ("gradient", "precision: 32\ngradient", 5, "unknown precision '32'"),
        ("gradient", "precision: null\ngradient", 5, "unknown precision 'None'"),
        ("gradient", "memory_format: last\ngradient", 5, "unknown memory_format 'last'"),
        ("gradient", "average_last: 13\ngradient", 5, "at most the 12 epochs, got 13"),
        ("gradient", "average_last: -1\ngradient", 5, "average_last must be an integer of at l"),
        ("gradient", "average_last: true\ngradient", 5, "average_last must be an integer"),
        ("flip", "scale_to: [128, 8], flip", 8, r"scale_to must be .* at least 16, got \[128, 8\]"),
        ("flip", "scales_to: [128, 96], flip", 8, "'scales_to'. Did you mean 'scale_to'"),
        ("flip", "test_scale: null, flip", 8, r"test_scale must be \[width, height\].* got None"),
        ("flip", "test_scale: [128, 96.5], flip", 8, r"test_scale must be \[width, height\]"),
    ],
)
def test_each_unfit_value_is_refused_with_its_line(read, tmp_path, old, new, line, problem):
    assert old in WHOLE
    with pytest.raises(InputError, match=problem) as caught:
        load_protocol(read(WHOLE.replace(old, new, 1)), where="")
    assert str(caught.value).startswith(f"{tmp_path / 'some.yaml'}, line {line}: ")


def test_a_key_left_over_from_the_base_is_placed_in_the_base_s_file(read):
    with pytest.raises(
        InputError, match=r"protocols/smoke\.yaml, line 7: unknown key .*'momentum'"
    ):
        load_protocol(read("extends: smoke\nname: x\noptimizer: {type: AdamW}"), where="")


def test_an_unknown_protocol_is_placed_in_the_suite():
    with pytest.raises(
        InputError, match=r"^s\.yaml, line 5: unknown protocol 'smok'. Did you mean 'smoke'"
    ):
        load_protocol("smok", where="s.yaml, line 5")
