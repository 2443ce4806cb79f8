"""The files that tests read are what they were, each with a source and a licence, and few."""

import hashlib
from pathlib import Path

DATA = Path(__file__).with_name("data")
OWN = {"README.md", "SHA256SUMS"}


def data_files():
    return {
        path.relative_to(DATA).as_posix(): path.read_bytes()
        for path in DATA.rglob("*")
        if path.is_file()
    }


def test_each_is_what_it_was():
    lines = (DATA / "SHA256SUMS").read_text().splitlines()
    expected = {name: checksum for checksum, name in (line.split(maxsplit=1) for line in lines)}
    found = data_files()
    assert {
        name: hashlib.sha256(found[name]).hexdigest() for name in found.keys() - OWN
    } == expected


def test_each_has_a_source_and_a_licence():
    rows = [line for line in (DATA / "README.md").read_text().splitlines() if line[:3] == "| `"]
    named = [name for row in rows for name in row.split("|")[1].strip(" `").split("`, `")]
    assert sorted(named) == sorted(data_files().keys() - OWN)
    for row in rows:
        _, _, _, source, licence, _ = row.split("|")
        assert "https://" in source
        assert licence.strip()


def test_they_take_at_most_two_megabytes():
    assert sum(map(len, data_files().values())) < 2e6
