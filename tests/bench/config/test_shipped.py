import pytest

from noisyseg.bench.config import shipped
from noisyseg.bench.config.model import load_model
from noisyseg.bench.config.protocol import load_protocol
from noisyseg.bench.config.shipped import read_with_base, shipped_names, shipped_path
from noisyseg.bench.config.suite import Choices, load_suite
from noisyseg.errors import InputError
from noisyseg.located_yaml import read_yaml


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two models of which the second extends the first."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "base.yaml").write_text(
        "name: base\npart: {type: A, x: 1, deep: {y: 2, z: 3}}\nlist: [1, 2]\n"
    )
    (folder / "over.yaml").write_text(
        "# comment\nextends: base\nname: over\npart: {deep: {y: 20}}\n"
    )
    monkeypatch.setitem(shipped.FOLDERS, "model", folder)
    return folder


@pytest.mark.parametrize("kind", ["suite", "model", "protocol"])
def test_every_shipped_file_bears_its_own_name(kind):
    names = shipped_names(kind)
    assert names
    for name in names:
        assert read_with_base(kind, name, where="")["name"] == name


@pytest.mark.parametrize("name", shipped_names("protocol"))
def test_every_shipped_protocol_is_valid(name):
    assert load_protocol(name, where="")["name"] == name


@pytest.mark.parametrize("name", shipped_names("model"))
def test_every_shipped_model_is_valid_with_its_weights(name, tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"")
    source = tmp_path / "suite.yaml"
    source.write_text(f"extends: {name}\nweights: weights.pth\n")
    assert load_model(read_yaml(source), where="", root=tmp_path).name == name


@pytest.mark.parametrize("name", shipped_names("suite"))
def test_every_shipped_suite_is_valid_and_shows_its_command(name, tmp_path):
    text = shipped_path("suite", name).read_text(encoding="utf-8")
    assert f"noisyseg run {name}" in text
    raw = read_yaml(shipped_path("suite", name))
    choices = [Choices(variant=variant, random_weights=True) for variant in raw.get("variants", [])]
    for choice in choices or [Choices(random_weights=True)]:
        suite = load_suite(name, data_root=tmp_path, cache=tmp_path, choices=choice)
        assert suite.name == name


def test_an_unknown_name_gets_the_nearest_one(folders):
    with pytest.raises(
        InputError, match=r"^s\.yaml, line 4: unknown model 'bsae'. Did you mean 'base'\?"
    ):
        shipped_path("model", "bsae", where="s.yaml, line 4")


@pytest.mark.parametrize("name", ["../models/base", "base.yaml", "", "*"])
def test_a_name_is_never_a_path_or_a_pattern(folders, name):
    with pytest.raises(InputError, match="unknown model"):
        shipped_path("model", name)


def test_a_file_that_extends_another_changes_what_it_names_alone(folders):
    merged = read_with_base("model", "over", where="")
    assert merged == {
        "name": "over",
        "part": {"type": "A", "x": 1, "deep": {"y": 20, "z": 3}},
        "list": [1, 2],
    }
    assert read_with_base("model", "base", where="")["part"]["deep"] == {"y": 2, "z": 3}


def test_every_merged_key_names_the_file_it_stands_in(folders):
    merged = read_with_base("model", "over", where="")
    assert merged.where("name") == f"{folders / 'over.yaml'}, line 3"
    assert merged.where("list") == f"{folders / 'base.yaml'}, line 3"
    assert merged["part"].where("x") == f"{folders / 'base.yaml'}, line 2"
    assert merged["part"]["deep"].where("y") == f"{folders / 'over.yaml'}, line 4"
    assert merged["part"]["deep"].where("z") == f"{folders / 'base.yaml'}, line 2"


def test_a_mapping_of_a_suite_extends_like_a_file(folders, read):
    source = read("extends: over\nlist: []\npart: {x: null}")
    assert read_with_base("model", source, where="") == {
        "name": "over",
        "part": {"type": "A", "x": None, "deep": {"y": 20, "z": 3}},
        "list": [],
    }


def test_replace_drops_what_the_base_says_of_a_part(folders, read):
    source = read("extends: base\npart: {_replace: true, type: B, new: {_replace: true, w: 1}}")
    merged = read_with_base("model", source, where="")
    assert merged["part"] == {"type": "B", "new": {"w": 1}}


def test_replace_means_nothing_where_there_is_no_base_and_is_never_passed_on(folders, read):
    source = read("extends: base\nfresh: {_replace: true, a: {_replace: false, b: 1}}")
    assert read_with_base("model", source, where="")["fresh"] == {"a": {"b": 1}}
    assert read_with_base("model", read("a: {_replace: true, b: 1}"), where="") == {"a": {"b": 1}}


def test_replace_is_true_or_false(folders, read):
    with pytest.raises(InputError, match=r"line 2: _replace must be true or false, got 'part'"):
        read_with_base("model", read("extends: base\npart: {_replace: part}"), where="")


@pytest.mark.parametrize("source", [None, 3, ["base"], {"extends": "base"}])
def test_a_source_is_a_name_or_a_mapping_from_a_file(folders, source):
    with pytest.raises(InputError, match=r"^here: wanted the name of a model or a mapping, got "):
        read_with_base("model", source, where="here")


def test_an_unknown_base_is_placed_where_it_is_named(folders, read, tmp_path):
    with pytest.raises(
        InputError, match=r"some\.yaml, line 2: unknown model 'ovr'. Did you mean 'over'"
    ):
        read_with_base("model", read("name: x\nextends: ovr"), where="elsewhere")
