"""The schemas of bundle.json and suite.json, and the files that belong to them."""

import json

import pytest

from noisyseg.bench.leaderboard.contents import (
    MEMBER,
    check_files,
    encode,
    files_wanted,
    parse_contents,
    parse_suite,
)
from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes

NOISY, CLEAN = "0123456789abcdef", "f" * 16
RUNS = [
    {"key": CLEAN, "noise": "clean", "noise_seed": None, "train_seed": 0},
    {"key": NOISY, "noise": "sym40", "noise_seed": 0, "train_seed": 0},
]
CONTENTS = {
    "format": 1,
    "noisyseg": "0.1.0",
    "suite": "quick",
    "method": "lncis",
    "kind": "trained",
    "runs": RUNS,
    "claims": {"sym40": {"segm.AP": {"n": 2, "mean": 18.1, "sd": 2.6}}},
    "files": {"card.json": {"sha256": "0" * 64, "bytes": 12}},
}
SUITE = {
    "format": 1,
    "name": "quick",
    "title": "quick: clean and noisy",
    "variant": None,
    "data": {"name": "shapes", "classes": ["disk"]},
    "protocol": {"name": "shapes-cpu", "epochs": 3},
    "model": {"name": "tiny", "weights_sha256": None},
    "noise": {"clean": None, "sym40": [{"type": "symmetric", "rate": 0.4}]},
    "versions": {"schema": 1, "training": {"version": 1}, "eval": {"version": 1}},
    "method": {"name": "lncis", "version": 3, "parameters": {}},
}
FILES = {
    "bundle.json",
    "card.json",
    "suite.json",
    *(f"runs/{CLEAN}/{name}" for name in ("record.json", "predictions.json.zst", "log.jsonl")),
    *(f"runs/{NOISY}/{name}" for name in ("record.json", "predictions.json.zst", "log.jsonl")),
    f"runs/{NOISY}/manifest.json",
}


def contents(**changes):
    return parse_contents(json.dumps({**CONTENTS, **changes}).encode())


def test_what_is_written_is_read_again():
    assert json.loads(encode(contents())) == CONTENTS
    assert parse_contents(encode(contents())) == contents()
    suite = parse_suite(json.dumps(SUITE).encode())
    assert json.loads(encode(suite)) == SUITE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": 2}, "reads format 1, got 2"),
        ({"format": "1"}, "reads format 1, got '1'"),
        ({"format": True}, "reads format 1, got True"),
        ({"more": 1}, "unknown field `more`"),
        ({"kind": "bought"}, "kind"),
        ({"noisyseg": "<b>"}, "noisyseg"),
        ({"method": ""}, "method"),
        ({"method": "a\u200bb"}, r"U\+200B"),
        ({"suite": "x" * 101}, "suite"),
        ({"runs": []}, "runs"),
        ({"runs": [RUNS[0], RUNS[0]]}, "stands there twice"),
        ({"runs": [{**RUNS[0], "key": "../../etc/passwd"}]}, "key"),
        ({"runs": [{**RUNS[0], "train_seed": -1}]}, "train_seed"),
        ({"runs": [{**RUNS[0], "train_seed": 2**63}]}, "train_seed"),
        ({"runs": [{**RUNS[0], "train_seed": 0.5}]}, "train_seed"),
        ({"runs": [{**RUNS[0], "noise": "\u202ea"}]}, r"U\+202E"),
        ({"claims": {"c": {"segm.AP": {"n": 0, "mean": 1, "sd": None}}}}, "claims"),
        ({"claims": {"c": {"segm.AP": {"n": 1, "mean": -1, "sd": None}}}}, "claims"),
        ({"claims": {"c": {"segm.AP": {"n": 1, "mean": 100.5, "sd": None}}}}, "claims"),
        ({"files": {"a": {"sha256": "0" * 63, "bytes": 1}}}, "sha256"),
        ({"files": {"a": {"sha256": "0" * 64, "bytes": -1}}}, "bytes"),
    ],
)
def test_what_is_of_another_schema_is_refused(changes, reason):
    with pytest.raises(InputError, match=f"^bundle.json: .*{reason}"):
        contents(**changes)


@pytest.mark.parametrize(
    "changes", [{"noise": {}}, {"title": "a\nb"}, {"data": []}, {"versions": {}}, {"more": 1}]
)
def test_so_is_a_suite(changes):
    with pytest.raises(InputError, match=r"^suite.json: "):
        parse_suite(json.dumps({**SUITE, **changes}).encode())


def test_the_runs_say_which_files_there_are():
    assert files_wanted(contents()) == FILES
    assert all(MEMBER.fullmatch(name) for name in FILES)
    imported = {
        "bundle.json",
        "card.json",
        "suite.json",
        *(f"runs/{key}/predictions.json.zst" for key in (CLEAN, NOISY)),
    }
    assert files_wanted(contents(kind="imported")) == imported


@pytest.mark.parametrize(
    "name",
    [
        "../bundle.json",
        "/bundle.json",
        "./bundle.json",
        "bundle.json\n",
        "Bundle.json",
        "C:bundle.json",
        "runs\\0123456789abcdef\\record.json",
        "runs/0123456789abcdef/../record.json",
        "runs/0123456789ABCDEF/record.json",
        "runs/0123456789abcdef/",
        "runs/0123456789abcde/record.json",
        "runs/\uff10123456789abcdef/record.json",
        "runs/0123456789abcdef/checkpoints/last.pth",
        "",
    ],
)
def test_no_other_path_is_a_members(name):
    assert not MEMBER.fullmatch(name)


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def listed(names):
    return {
        name: {"sha256": sha256_bytes(name.encode()), "bytes": len(name)}
        for name in names
        if name != "bundle.json"
    }


def test_files_are_held_against_the_list(folder):
    check_files(folder, FILES, contents(files=listed(FILES)))
    with_source = {*FILES, "method.py"}
    (folder / "method.py").write_text("method.py")
    check_files(folder, with_source, contents(files=listed(with_source)))


@pytest.mark.parametrize(
    ("present", "in_list", "reason"),
    [
        (FILES - {f"runs/{NOISY}/manifest.json"}, FILES, f"runs/{NOISY}/manifest.json is missing"),
        (FILES | {f"runs/{CLEAN}/manifest.json"}, FILES, f"{CLEAN}/manifest.json belongs to no"),
        (FILES, FILES - {"card.json"}, "'card.json' is in the list or the bundle alone"),
        (FILES, FILES | {"method.py"}, "'method.py' is in the list or the bundle alone"),
        (FILES | {"method.py"}, FILES, "'method.py' is in the list or the bundle alone"),
    ],
)
def test_a_file_too_many_or_too_few(folder, present, in_list, reason):
    with pytest.raises(InputError, match=reason):
        check_files(folder, present, contents(files=listed(in_list)))


@pytest.mark.parametrize("text", ["other text", "Card.json"])
def test_another_file_than_listed(folder, text):
    (folder / "card.json").write_text(text)
    with pytest.raises(InputError, match=r"card.json is not the file"):
        check_files(folder, FILES, contents(files=listed(FILES)))
