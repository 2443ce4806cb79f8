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
# What reads records, with what it needs itself.
RECORDS = {"jsonschema", "jsonschema_rs", "jsonschema_specifications", "referencing", "rpds"}
RECORDS |= {"attr", "attrs", "idna"}

PENDING = pytest.mark.xfail(reason="until every command is in the table", strict=False)


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
        pytest.param("--help", set(), marks=PENDING),
        pytest.param("suite list", {"yaml"}, marks=PENDING),
        pytest.param("status", RECORDS, marks=PENDING),
        pytest.param("methods list", set(), marks=PENDING),
        pytest.param("noise list", {"numpy", "yaml"}, marks=PENDING),
    ],
)
def test_a_listing_imports_what_it_needs_alone(tmp_path, words, more):
    status, names = imported(tmp_path, *words.split())
    assert status == 0
    assert "noisyseg" in names
    assert names - MAY_BE_IMPORTED - more == set()


def test_what_is_imported_is_seen(tmp_path):
    assert "numpy" in imported(tmp_path, "noise", "golden")[1]
