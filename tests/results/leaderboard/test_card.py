"""A card: by hand in YAML, canonical in JSON, the same checks for both."""

import json

import pytest
import yaml

from noisyseg.errors import InputError
from noisyseg.results.leaderboard.card import encode_card, parse_card, read_card

CARD = {
    "format": 1,
    "name": "LNCIS",
    "method": "lncis",
    "authors": ["Longrong Yang", "Fanman Meng"],
    "paper": {"title": "Learning with Noisy Class Labels", "url": None, "year": 2020},
    "code": "https://example.org/code",
    "licence": "Apache-2.0",
    "summary": "Different losses for foreground and class.",
    "parameters": {"e1": 0.5, "gamma": 6.0, "isolate": True, "convention": "paper"},
    "tuned_on": "nothing",
    "extra_data": None,
    "pretrained": None,
}


def written(folder, card):
    path = folder / "card.yaml"
    path.write_text(yaml.safe_dump(card, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def test_yaml_and_json_say_the_same(tmp_path):
    card = read_card(written(tmp_path, CARD))
    assert card == CARD
    assert parse_card(encode_card(card), "card.json") == CARD


def test_the_same_card_gives_the_same_bytes_whatever_the_order_of_its_keys(tmp_path):
    card = {**CARD, "parameters": {"gamma": 6, "e1": 0.5, "z": -0.0}}
    one = encode_card(read_card(written(tmp_path, card)))
    turned = dict(reversed(card.items()))
    turned["parameters"] = {"z": 0, "e1": 0.5, "gamma": 6.0}
    assert one == encode_card(read_card(written(tmp_path, turned)))
    assert b'"gamma":6.0' in one
    assert b'"z":0.0' in one


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "line 1: this noisyseg reads cards of format 1, got 2"),
        ({"format": True}, "format 1, got True"),
        ({"name": "x" * 81}, "line 2: name: wanted at most 80 characters"),
        ({"name": None}, "name: wanted a text"),
        ({"name": "a\u202eb"}, r"name: character 2 is U\+202E"),
        ({"authors": []}, "authors: wanted a list of 1 to 50"),
        ({"authors": ["a"] * 51}, "authors: wanted a list of 1 to 50"),
        ({"authors": "me"}, "authors: wanted a list"),
        ({"authors": ["a", 3]}, "authors: wanted a text, got 3"),
        ({"paper": {"title": "t", "url": None}}, "needs the key 'year'"),
        ({"paper": {"title": "t", "url": "x", "year": 2020}}, "url: wanted the address"),
        ({"paper": {"title": "t", "url": None, "year": 20}}, "year must be a whole number"),
        ({"paper": "a paper"}, "paper must be a mapping"),
        ({"code": "javascript:alert(1)"}, "code: wanted the address"),
        ({"tuned_on": None}, "tuned_on: wanted a text"),
        ({"tuned_on": "x" * 501}, "at most 500"),
        ({"extra_data": ""}, "extra_data: wanted a text"),
        ({"parameters": None}, "parameters: wanted a mapping"),
        ({"parameters": {"q": float("nan")}}, "q: wanted a finite number"),
        ({"parameters": {"q": 10**400}}, "q: wanted a finite number"),
        ({"parameters": {"q": [1]}}, "q: wanted a finite number"),
        ({"parameters": {f"p{n}": 1 for n in range(101)}}, "at most 100 names"),
        ({"licnce": "x"}, "unknown key of a card 'licnce'. Did you mean 'licence'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, change, reason):
    with pytest.raises(InputError, match=f"card.yaml.*{reason}"):
        read_card(written(tmp_path, {**CARD, **change}))


def test_a_key_that_is_missing_is_named(tmp_path):
    for key in CARD:
        rest = {name: value for name, value in CARD.items() if name != key}
        with pytest.raises(InputError, match=f"a card needs the key '{key}'"):
            read_card(written(tmp_path, rest))


def test_json_is_held_to_the_same(tmp_path):
    for change in ({"name": "a\u200bb"}, {"more": 1}, {"format": 3}, {"code": "data:x"}):
        with pytest.raises(InputError, match=r"^card\.json"):
            parse_card(json.dumps({**CARD, **change}).encode(), "card.json")
    with pytest.raises(InputError, match="wanted a card's keys"):
        parse_card(b"[]", "card.json")
    with pytest.raises(InputError, match="'name' stands twice"):
        parse_card(b'{"name": "a", "name": "b"}', "card.json")


def test_files_that_are_none(tmp_path):
    with pytest.raises(InputError, match="leaderboard card METHOD"):
        read_card(tmp_path / "none.yaml")
    path = tmp_path / "card.yaml"
    path.write_bytes("name: ä".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        read_card(path)
    path.write_bytes(b"a: 1\n" * 20_000)
    with pytest.raises(InputError, match="at most 65536 bytes"):
        read_card(path)
    path.write_text("- a\n")
    with pytest.raises(InputError, match="wanted a card's keys"):
        read_card(path)
