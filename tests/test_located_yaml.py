import datetime
import re
from pathlib import Path

import pytest

from noisyseg.errors import InputError
from noisyseg.located_yaml import (
    Located,
    check_keys,
    located,
    parse_yaml,
    place_of,
    plain,
    read_yaml,
)

TEXT = """\
# a comment
name: toy

data:
  train: {images: a, limit: 3}
  classes:
    - cat
steps:
  - {type: symmetric, rate: 0.4}
"""


def test_values_are_what_yaml_says_and_every_key_knows_its_line(read, tmp_path):
    document = read(TEXT)
    file = tmp_path / "some.yaml"
    assert document == {
        "name": "toy",
        "data": {"train": {"images": "a", "limit": 3}, "classes": ["cat"]},
        "steps": [{"type": "symmetric", "rate": 0.4}],
    }
    assert document.where("name") == f"{file}, line 2"
    assert document.where("data") == f"{file}, line 4"
    assert document["data"].where("classes") == f"{file}, line 6"
    assert document["data"]["train"].where("limit") == f"{file}, line 5"
    assert document["steps"][0].where("rate") == f"{file}, line 9"


def test_a_key_that_is_not_there_is_placed_at_the_first_one(read, tmp_path):
    assert read(TEXT)["data"].where("val") == f"{tmp_path / 'some.yaml'}, line 5"
    assert read("a: {}")["a"].where() == f"{tmp_path / 'some.yaml'}, line 1"


def test_a_key_from_another_file_keeps_its_place(read):
    base, over = read("\n\nepochs: 3", "base.yaml"), read("name: x", "over.yaml")
    both = Located({**base, **over}, file=over.file, places={**base.places, **over.places})
    assert both.where("epochs") == f"{base.file}, line 3"
    assert both.where("name") == both.where() == f"{over.file}, line 1"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("name: toy\nnoise: 1\nname: other\n", 3, "'name' stands here twice"),
        ("noise:\n  clean: null\n  sym: 1\n  clean: 2\n", 4, "'clean' stands here twice"),
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: 'open\n", 3, "not valid YAML"),
        ("a: 1\nb: *nowhere\n", 2, "not valid YAML.*nowhere"),
        ("a: 1\nb: &again [*again]\n", 2, "not valid YAML.*recursive"),
        ("a: 1\nb: !!python/object/apply:os.system ['true']\n", 2, "not valid YAML.*constructor"),
        ("a: 1\n---\nb: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: \x07\n", 2, r"not valid YAML: the character '\\x07'"),
        ("a: 1\n3: 2\n", 2, "a key must be text, got 3"),
        ("a: 1\nno: 2\n", 2, "a key must be text, got False"),
        ("a: 1\n[x, y]: 2\n", 2, "a key must be text"),
        ("a: 1\nb: 2024-13-45\n", 2, "unusable value"),
        ("a: 1\nb: 0b_\n", 2, "unusable value"),
        ("a: 1\nb: 1" + "0" * 5000 + "\n", 2, "unusable value"),
        ('a: 1\nb: "nul \\0"\n', 2, "unusable character"),
        ('a: 1\nb: ["half \\ud800"]\n', 2, "unusable character"),
    ],
)
def test_bad_yaml_is_refused_with_its_line(read, tmp_path, text, line, problem):
    with pytest.raises(InputError, match=problem) as caught:
        read(text)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'some.yaml'}, line {line}: ")
    assert "\n" not in message
    assert len(message) < 500


def test_aliases_that_multiply_are_refused_at_once(read, tmp_path):
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 20)]
    with pytest.raises(
        InputError, match="aliases written out make more than 100000 values"
    ) as caught:
        read("\n".join(["l0: &l0 [x]", *levels]))
    assert str(caught.value).startswith(f"{tmp_path / 'some.yaml'}: ")


def test_a_file_that_is_large_without_aliases_is_read(read):
    row = "[" + "0.0, " * 400 + "]"
    document = read("\n".join(["rows:", *(f"  - {row}" for _ in range(300))]))
    assert sum(map(len, document["rows"])) == 120_000


def test_a_merged_mapping_gives_way_to_own_keys_and_its_keys_keep_their_lines(read, tmp_path):
    document = read("base: &base {a: 1, b: 2}\nover:\n  b: 3\n  <<: *base\n")
    assert document["over"] == {"a": 1, "b": 3}
    assert document["over"].where("a") == f"{tmp_path / 'some.yaml'}, line 1"
    assert document["over"].where("b") == f"{tmp_path / 'some.yaml'}, line 3"
    with pytest.raises(InputError, match="line 4: the key 'b' stands here twice"):
        read("base: &base {a: 1}\nover:\n  b: 3\n  b: 3\n  <<: *base\n")


def test_text_of_no_file_is_placed_by_what_it_is_called():
    assert parse_yaml("{a: [1, no]}", "--set x") == {"a": [1, False]}
    with pytest.raises(InputError, match=r"^--set x, line 2: not valid YAML"):
        parse_yaml("a: 1\nb: [", "--set x")


def test_other_values_keep_the_places(read):
    document = read("a: 1\nb: 2")
    changed = document.with_values({"b": 3})
    assert changed == {"b": 3}
    assert changed.where("b") == document.where("b") == place_of(document, "elsewhere", "b")
    assert place_of({"b": 3}, "elsewhere", "b") == "elsewhere"


def test_aliases_of_an_ordinary_size_stand_for_their_values(read):
    document = read("first: &rates [0.2, 0.4]\nsecond: *rates\n")
    assert document["second"] == [0.2, 0.4]


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text", "3", "[" + "1, " * 5000 + "]"])
def test_anything_but_a_mapping_is_refused(read, text):
    with pytest.raises(InputError, match="wanted a mapping") as caught:
        read(text)
    assert len(str(caught.value)) < 500


def test_nesting_without_end_is_refused(read):
    with pytest.raises(InputError, match="nested too deeply"):
        read("a: " + "[" * 20_000)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*absent\.yaml: No such file"):
        read_yaml(tmp_path / "absent.yaml")
    with pytest.raises(InputError, match=r"cannot read .*: Is a directory"):
        read_yaml(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("name: Zoë".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.yaml is not UTF-8 text"):
        read_yaml(tmp_path / "latin.yaml")


def test_text_beyond_ascii_and_a_byte_order_mark_are_read(read):
    assert read("\ufeffname: Zoë → 象\n") == {"name": "Zoë → 象"}


def test_an_unknown_key_gets_its_line_and_the_nearest_known_one(read, tmp_path):
    document = read("name: toy\nmethds: [ce]\n")
    with pytest.raises(InputError) as caught:
        check_keys(document, what="a suite", required=("name", "methods"), optional=("title",))
    assert str(caught.value) == (
        f"{tmp_path / 'some.yaml'}, line 2: unknown key of a suite 'methds'. Did you mean "
        "'methods'? Known: methods, name, title."
    )


def test_a_missing_key_is_named(read):
    with pytest.raises(InputError, match=r"line 1: a suite needs the key 'methods'"):
        check_keys(read("name: toy"), what="a suite", required=("name", "methods"))
    check_keys(read("name: toy"), what="a suite", required=("name",), optional=("methods",))


@pytest.mark.parametrize("value", [None, [], "text", 3, {"plain": "dict"}])
def test_only_a_mapping_from_a_file_is_located(value):
    with pytest.raises(InputError, match=r"^here: noise must be a mapping"):
        located(value, what="noise", where="here")


def test_plain_data_forgets_the_places_and_nothing_else(read):
    document = read("a: {b: [{c: 1.5}, 2024-01-02, null]}")
    found = plain(document)
    assert found == {"a": {"b": [{"c": 1.5}, datetime.date(2024, 1, 2), None]}}
    assert type(found) is type(found["a"]) is type(found["a"]["b"][0]) is dict


def test_no_other_module_reads_yaml():
    root = Path(__file__).parents[1]
    rooms = ("bench", "methods", "noise", "results", "noisyseg/annotation_files")
    files = [path for room in rooms for path in (root / room).rglob("*.py")]
    files += (root / "noisyseg").glob("*.py")
    importing = [
        str(path.relative_to(root))
        for path in files
        if re.search(r"^\s*(import|from) yaml\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert importing == ["noisyseg/located_yaml.py"]
