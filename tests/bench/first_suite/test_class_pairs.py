"""Pairs of classes: facts that anybody would agree to."""

from noisyseg.bench.first_suite.class_pairs import BY_NAME, BY_SUPERCLASS, propose_pairs


def by_name(*names):
    return propose_pairs(names, dict.fromkeys(names))


def test_names_that_share_a_word():
    found = by_name("red apple", "bus", "green apple", "tree")
    assert found.pairs == [("red apple", "green apple")]
    assert found.source == BY_NAME


def test_short_or_chance_likeness_is_none():
    for names in (("cat", "car", "bat"), ("house", "mouse"), ("1", "2", "11"), ("a b", "a c")):
        assert by_name(*names).pairs == []


def test_a_word_that_all_names_have_tells_nothing():
    assert by_name("class 1", "class 2", "class 3").pairs == []
    assert by_name("class 1", "class 2").pairs == [("class 1", "class 2")]


def test_each_class_is_in_one_pair_at_most():
    found = by_name("Pi Zero W", "Pi Zero", "Pi Zero WH", "Uno red", "Uno blue")
    names = [name for pair in found.pairs for name in pair]
    assert len(set(names)) == len(names) == 4


def test_super_categories_come_before_names():
    above = {"cat": "animal", "bus": "vehicle", "dog": "animal", "cat food": "thing"}
    found = propose_pairs(list(above), above)
    assert found.pairs == [("cat", "dog")]
    assert found.source == BY_SUPERCLASS


def test_super_categories_that_divide_nothing_are_none():
    for above in (
        {"cat": "animal", "dog": "animal"},  # one for all
        {"cat": "cat", "dog": "dog"},  # each its own
        {"cat": None, "dog": None},
    ):
        assert propose_pairs(list(above), above).source is None


def test_the_order_of_classes_decides_nothing_but_order():
    names = ["Uno red", "Uno blue", "Nano red", "Nano blue"]
    one, other = by_name(*names), by_name(*reversed(names))
    assert {frozenset(pair) for pair in one.pairs} == {frozenset(pair) for pair in other.pairs}
