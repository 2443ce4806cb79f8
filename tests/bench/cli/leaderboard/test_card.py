"""`leaderboard card`: a template with what is known of a method, never over a card."""

import yaml

from noisyseg.methods.built_in import METHODS

MINE = '''"""Mine."""

paper = "Somebody, A Paper, CVPR 2021"


def mine(logits, labels, ctx, *, q: float = 1e-05):
    """A method of a test."""
    return logits.sum(1) * q
'''


def test_a_method_has_its_own_parameters(call):
    done = call("leaderboard", "card", "gce")
    assert done.status == 0
    card = yaml.safe_load(done.out)
    assert (card["name"], card["method"], card["parameters"]) == ("gce", "gce", {"q": 0.3})
    assert card["paper"]["year"] == 2018
    assert call("leaderboard", "card", "ce").out.endswith("parameters: {}\n")


def test_a_label_of_a_suite_has_the_suites(call, toy):
    toy.suite["methods"] = {"early": {"name": "lncis", "e1": 0.25}}
    toy.suite["model"] = {"extends": "mask-rcnn-mobilenetv2", "weights": "not-here.pth"}
    toy.write()
    card = yaml.safe_load(call("leaderboard", "card", "early", "--suite", toy.file).out)
    assert card["method"] == "early"
    assert card["parameters"] == {**METHODS["lncis"].parameters, "e1": 0.25}
    # Not among its methods, but known: as `run --methods` would train it.
    other = yaml.safe_load(call("leaderboard", "card", "gce", "--suite", toy.file).out)
    assert other["parameters"] == {"q": 0.3}


def test_a_method_of_a_file(call, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    words = ("leaderboard", "card", "mine", "--method-file", f"{file}:mine")
    card = yaml.safe_load(call(*words).out)
    assert card["parameters"] == {"q": 1e-05}
    assert card["summary"] == "A method of a test."
    assert card["paper"] == {"title": "Somebody, A Paper, CVPR 2021", "url": None, "year": 2021}
    file.write_text(MINE.replace('paper = "Somebody, A Paper, CVPR 2021"', ""))
    assert yaml.safe_load(call(*words).out)["paper"] is None


def test_a_card_that_is_there_is_kept(call, tmp_path):
    place = tmp_path / "card.yaml"
    done = call("leaderboard", "card", "ce", "--write", place)
    assert done.status == 0
    assert done.out == ""
    assert place.read_text() == call("leaderboard", "card", "ce").out
    place.write_text("mine")
    done = call("leaderboard", "card", "ce", "--write", place)
    assert done.status == 2
    assert "is there already" in done.err
    assert place.read_text() == "mine"


def test_a_method_that_nobody_knows(call, toy):
    done = call("leaderboard", "card", "lncsi")
    assert (done.status, done.out) == (2, "")
    assert "Did you mean 'lncis'" in done.err
    done = call("leaderboard", "card", "lncsi", "--suite", toy.file)
    assert "unknown method of suite toy 'lncsi'" in done.err
