import shlex

import pytest

from noisyseg.bench.cli.command_line import main
from noisyseg.bench.cli.noise.step_options import check_options, unlisted_option
from noisyseg.errors import InputError
from noisyseg.noise.types.registry import NOISE_TYPES

GIVEN = "noise make --annotations clean.json --seed 1 --out noisy.json"


def refused(options, capsys):
    """The last line of what `noise make` says; clean.json is not even there."""
    try:
        status = main([*GIVEN.split(), *shlex.split(options)])
    except SystemExit as ended:  # argparse's own
        status = ended.code
    assert status == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--type scale --rate 0.4 --kernel 5", "--kernel; kernel is a parameter of scale noise"),
        ("--type scale --rate 0.4 --kernel=5", "of scale noise: --set kernel=5"),
        ("--type boundary --sigma 5", "sigma is a parameter of boundary noise: --set sigma=VALUE"),
        ("--type superclass-pairs --rate 0.4 --exempt person", "--set exempt=VALUE"),
        ("--type symmetric rate=0.4", "noise: --rate 0.4"),
        ("--type confusion --min-iou 0.3", "of confusion noise: --set min_iou=VALUE"),
        ("--type symmetric --wrkers 2", "did you mean '--workers'?"),
    ],
)
def test_a_parameter_without_an_option_is_led_to_set(options, said, capsys):
    assert said in refused(options, capsys)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--type matrix --matrix T.csv --rate 0.4", "--rate is not for matrix noise, which takes"),
        ("--type matrix --rate 0.4", "the matrix's rows say how often a class changes"),
        ("--type confusion --rate 0.4", "--rate is not for confusion noise"),
        ("--type symmetric --rate 0.4 --map voc", "--map is for asymmetric."),
        ("--type symmetric --rate 0.4 --preset mid", "--preset is for superclass-uniform, scale"),
        ("--type symmetric --rate 0.4 --scores s.npz", "--scores is for instance-dependent."),
        ("--type symmetric --rate 0.4 --predictions p", "--predictions is for confusion."),
        ("--type scale --rate 0.4 --reference p", "--reference is for confusion."),
        ("--type symmetric --rate 0.4 --set kernel=5", "--set kernel is for scale."),
        ("--type missing --rate 0.1 --set quux=5", "--set quux is not for missing noise"),
    ],
)
def test_an_option_of_other_types_names_them(options, said, capsys):
    assert said in refused(options, capsys)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--map '{scratch: dent}'", "--set 'map={scratch: dent}'"),
        ("--map 'scratch: dent'", "--set 'map={scratch: dent}'"),
        ("--map scratch=dent,dent=rust", "--set 'map={scratch: dent, dent: rust}'"),
        ("--map '{scratch: dent'", "wanted the name of a shipped map or a file"),
    ],
)
def test_a_map_that_is_written_out_goes_by_set(options, said, capsys):
    assert said in refused(f"--type asymmetric --rate 0.2 {options}", capsys)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("'[[0.9, 0.1], [0, 1]]'", "put the rows into one, such as T.csv"),
        ("'{cat: {dog: 1}, dog: {dog: 1}}'", "--set 'matrix={cat: {dog: 1}, dog: {dog: 1}}'"),
    ],
)
def test_a_matrix_that_is_written_out_goes_by_file_or_set(options, said, capsys):
    assert said in refused(f"--type matrix --matrix {options}", capsys)


@pytest.mark.parametrize("name", ["Symmetric", "SYMMETRIC", "Superclass_Pairs", "box_jitter"])
def test_a_type_in_other_letters_is_written_right(name, capsys):
    right = name.lower().replace("_", "-")
    assert f"unknown noise type {name!r}: write it {right!r}" in refused(f"--type {name}", capsys)


def test_a_beginning_of_a_type_gets_the_nearest(capsys):
    assert "Did you mean 'symmetric'?" in refused("--type sym --rate 0.4", capsys)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("symmetric", "symmetric noise needs --rate R"),
        ("asymmetric --rate 0.2", "asymmetric noise needs --map NAME|FILE"),
        ("scale", "or --preset easy|mid|hard"),
        ("matrix", "matrix noise needs --matrix FILE"),
        ("instance-dependent --rate 0.2", "needs --scores FILE"),
        ("confusion", "needs --predictions FILE (a run's predictions.json.zst) and --reference"),
        ("confusion --predictions p", "and --reference FILE"),
    ],
)
def test_what_is_missing_is_named_by_its_option(options, said, capsys):
    assert said in refused(f"--type {options}", capsys)


@pytest.mark.parametrize("name", NOISE_TYPES)
def test_every_parameter_of_a_type_is_accepted(name):
    step = dict.fromkeys(NOISE_TYPES[name].parameters, 1)
    check_options({"type": name, **step})
    with pytest.raises(InputError, match=f"is not for {name} noise"):
        check_options({"type": name, **step, "quux": 1})


def test_paths_with_colons_and_equals_are_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seed=1.yaml").write_text("cat: dog")
    for value in ("seed=1.yaml", "C:map.yaml", "voc", "maps/mine.yaml"):
        check_options({"type": "asymmetric", "rate": 0.1, "map": value})


def test_words_that_are_no_parameter_get_no_hint():
    assert unlisted_option("--quux") is None
    assert unlisted_option("quux") is None
