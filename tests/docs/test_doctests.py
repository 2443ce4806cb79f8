"""Examples in docstrings of `noise/`, `methods/` and `results/`."""

import doctest
from importlib import import_module

import pytest
from shown.pages import ROOT

WITH_EXAMPLES = [
    "noisyseg." + ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for room in ("noise", "methods", "results")
    for path in sorted((ROOT / room).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


def test_there_are_some():
    assert len(WITH_EXAMPLES) >= 10


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_docstrings_hold(name):
    ended = doctest.testmod(import_module(name))
    assert ended.attempted > 0
    assert ended.failed == 0
