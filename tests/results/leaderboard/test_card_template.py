"""A card's template: refused as it is, a card once what is empty is filled in."""

import pytest
import yaml

from noisyseg.errors import InputError
from noisyseg.methods.built_in import METHODS
from noisyseg.results.leaderboard.card import read_card
from noisyseg.results.leaderboard.card_template import card_template

HARD = {"tiny": 1e-05, "large": 1e16, "small": 2.5e-07, "zero": 0.0, "on": True, "word": "no: #'\""}


def filled(text, folder):
    """The card of a template whose empty fields were filled in by hand."""
    path = folder / "card.yaml"
    text = text.replace('[""]', '["A. Author"]').replace('licence: ""', "licence: MIT")
    text = text.replace('tuned_on: ""', "tuned_on: nothing").replace('summary: ""', "summary: s")
    path.write_text(text, encoding="utf-8")
    return read_card(path)


def test_nothing_that_only_the_submitter_knows_can_be_forgotten(tmp_path):
    text = card_template("mine", parameters={}, paper=None, summary="")
    for field in ("authors", "licence", "summary", "tuned_on"):
        path = tmp_path / "card.yaml"
        values = yaml.safe_load(text)
        values |= {"authors": ["a"], "licence": "a", "summary": "a", "tuned_on": "a"}
        values[field] = yaml.safe_load(text)[field]
        path.write_text(yaml.safe_dump(values))
        with pytest.raises(InputError, match=f"{field}: wanted a text, got ''"):
            read_card(path)


def test_every_parameter_comes_back_as_it_was(tmp_path):
    text = card_template("mine", parameters=HARD, paper=None, summary="")
    assert filled(text, tmp_path)["parameters"] == HARD


@pytest.mark.parametrize("name", METHODS)
def test_built_in_methods_have_cards(tmp_path, name):
    method = METHODS[name]
    text = card_template(
        name, parameters=method.defaults, paper=method.paper, summary=method.summary
    )
    card = filled(text, tmp_path)
    assert (card["method"], card["parameters"]) == (name, method.defaults)
    assert card["paper"]["title"] == method.paper
    assert str(card["paper"]["year"]) in method.paper
    assert all(len(line) <= 200 and line == line.rstrip() for line in text.splitlines())


def test_a_paper_without_a_year_has_one_to_fill_in(tmp_path):
    text = card_template("mine", parameters={}, paper="Somebody, unpublished", summary="s")
    with pytest.raises(InputError, match="year must be a whole number"):
        filled(text, tmp_path)
    assert filled(text.replace("null  # fill in", "2024"), tmp_path)["paper"]["year"] == 2024
