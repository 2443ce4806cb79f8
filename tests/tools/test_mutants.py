"""Which changes the script makes; that tests notice them is for whoever runs it."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("cosmic_ray", reason="only tools/mutants.py needs it")
TOOL = Path(__file__).parents[2] / "tools" / "mutants.py"
SOURCE = '''def least(a: int | None, b: int) -> int:
    """The smaller one, plus 1."""
    return (a if a < b else b) + 1
'''


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("mutants", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_change_is_of_what_is_executed_and_comes_again_by_its_seed(tool):
    made = list(tool.changes(SOURCE, "seed"))
    assert made == list(tool.changes(SOURCE, "seed"))
    assert {line for line, _, _ in made} == {3}
    kinds = {name.split("_")[0] for _, name, _ in made}
    assert {"core/ReplaceBinaryOperator", "core/ReplaceComparisonOperator"} <= kinds
    assert "core/NumberReplacer" in kinds
    for _, _, changed in made:
        found = {}
        exec(changed, found)
        assert changed.splitlines()[:2] == SOURCE.splitlines()[:2]
    assert len({changed for _, _, changed in made}) == len(made)


def test_a_module_is_tested_by_what_mirrors_it(tool):
    assert tool.mirrored(Path("noise/draws.py")).name == "test_draws.py"
    assert tool.mirrored(Path("noise/table.py")).name == "noise"


def test_what_was_not_collected_is_counted_apart(tool, tmp_path, capsys):
    out, entry = tmp_path / "out.jsonl", '{"id": "a.py:%d", "line": 3, "change": "c", "text": "t"'
    statuses = ["0", "1", "1", "2", "null", "-11"]
    lines = [f'{entry % number}, "status": {s}}}\n' for number, s in enumerate(statuses)]
    out.write_text("".join(lines))
    tool.table(out)
    assert capsys.readouterr().out == "| `a.py` | 6 | 2 | 2 | 1 | 1 |\na.py:0 line 3 c: t\n"
