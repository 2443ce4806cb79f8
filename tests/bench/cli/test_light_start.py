"""What commands that only list something import: seconds that torch takes are not for them."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys
before = set(sys.modules)
from noisyseg.bench.cli.command_line import main
try:
    status = main(json.loads(sys.argv[1]))
except SystemExit as ended:  # help
    status = ended.code
names = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps([status, sorted(names - sys.stdlib_module_names)]))
"""
MAY_BE_IMPORTED = {"noisyseg", "orjson", "msgspec", "typing_extensions"}


def imported(folder, *words):
    """Exit status of the command, and what it imports beside the standard library."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(words)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=folder,
    )
    status, names = json.loads(done.stdout.splitlines()[-1])
    return status, {name for name in names if not name.startswith(("_cython", "cython_"))}


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("--help", set()),
        ("doctor --help", {"yaml"}),
        ("suite list", {"yaml"}),
        ("status", set()),
        ("methods list", set()),
        ("noise list", {"numpy", "yaml"}),
        ("init --help", {"yaml"}),
        ("completion --help", set()),
    ],
)
def test_a_listing_imports_what_it_needs_alone(tmp_path, words, more):
    (tmp_path / "runs").mkdir()  # of which status tells
    status, names = imported(tmp_path, *words.split())
    assert status == 0
    assert "noisyseg" in names
    assert names - MAY_BE_IMPORTED - more == set()


def test_a_store_is_cleaned_without_what_training_needs(tmp_path):
    (tmp_path / "runs").mkdir()
    status, names = imported(tmp_path, "store", "clean")
    assert status == 0
    assert names.isdisjoint({"torch", "ray", "mmdet", "mmengine"})


def test_what_is_imported_is_seen(tmp_path):
    assert "numpy" in imported(tmp_path, "noise", "golden")[1]


@pytest.mark.parametrize("words", ["leaderboard card ce", "leaderboard card ce --suite quick"])
def test_a_card_needs_no_training(tmp_path, words):
    status, names = imported(tmp_path, *words.split())
    assert status == 0
    assert names.isdisjoint({"torch", "ray", "mmdet", "mmengine"})
