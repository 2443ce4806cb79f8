"""A submission is read as git objects and verified by a stand-in of the command."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from noisyseg.results.leaderboard.entry import (
    BundleFile,
    Checks,
    Entry,
    EntryRun,
    MethodSpec,
    Protocol,
    Setting,
    encoded_draws,
    encoded_entry,
)
from noisyseg.results.records.metrics import METRICS

PROGRAM = Path(__file__).parents[2] / "tools" / "verify_submission.py"
CARD = {
    "format": 1,
    "name": "GCE",
    "method": "gce",
    "authors": ["A. Author"],
    "paper": None,
    "code": None,
    "licence": "MIT",
    "summary": "A loss.",
    "parameters": {"draws": "no number"},
    "tuned_on": "nothing",
    "extra_data": None,
    "pretrained": None,
}
ENTRY = "results/published/entries/gce-quick-0123abcd"
# Notes how it was called; the bundle's text says what becomes of it. `data` is on no machine here.
STAND_IN = """#!{python}
import json, pathlib, sys
words = sys.argv[1:]
text = pathlib.Path(words[2]).read_text()
without = "--without-data" in words
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(words) + "\\n")
if text == "wants data" and not without or text == "unusable":
    print("error: there is no data", file=sys.stderr)
    sys.exit(2)
if text == "good" and not without:
    made = pathlib.Path(words[words.index("--publish") + 1]) / "entries" / "gce-quick-0123abcd"
    made.mkdir(parents=True)
    (made / "entry.json").write_text(pathlib.Path({entry!r}).read_text())
    (made / "verdict.json").write_text(pathlib.Path({verdict!r}).read_text())
print(json.dumps({{"accepted": text != "bad", "checks": []}}))
sys.exit(int(text == "bad"))
"""


def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_submission", PROGRAM)
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded  # where dataclasses look for their module
    sys.path.insert(0, str(PROGRAM.parent))  # as where it is run as a program
    try:
        spec.loader.exec_module(loaded)
    finally:
        sys.path.remove(str(PROGRAM.parent))
    return loaded


VERIFY = module()


def entry(precision: float = 18.25, drawn: float = 18.0, rate: float = 0.4) -> bytes:
    """An entry.json of one run."""
    run = EntryRun(
        key="0123456789abcdef",
        noise_seed=0,
        train_seed=0,
        finished=None,
        metrics={**dict.fromkeys(METRICS), "segm.AP": precision},
        per_class={},
        checksums={},
        draws=encoded_draws(np.full(500, drawn)),
    )
    made = Entry(
        format=1,
        id="gce-quick-0123abcd",
        kind="verified",
        date="2025-01-02",
        card=CARD,
        bundle=BundleFile(sha256="b" * 64, bytes=12, included=True),
        suite="quick",
        data="shapes",
        model="mask-rcnn-tiny",
        family="Mask R-CNN",
        protocol=Protocol(name="shapes-cpu", version=2),
        method=MethodSpec(name="gce", version=1, file_sha256=None, parameters={}),
        ground="0" * 16,
        versions={},
        settings={"sym40": Setting(noise={"steps": []}, rate=rate, images=100, runs=[run])},
        reported={},
        source=None,
        checks=Checks(holds=3, remarks=[], unchecked=[], claimed=[]),
    )
    return encoded_entry(made)


def verdict(*states: str, accepted: bool = True) -> bytes:
    """A verdict.json with a check of each state."""
    checks = [{"id": "a.b", "state": state, "what": "w", "detail": ""} for state in states]
    return json.dumps({"accepted": accepted, "checks": checks}).encode()


class Clone:
    """A clone with a base commit, a submission on top and a stand-in for noisyseg."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out, self.calls = folder / "clone", folder / "out", folder / "calls"
        self.published = folder / "published"
        (self.published / "entries").mkdir(parents=True)
        self.command = folder / "noisyseg"
        made = {"entry": str(folder / "entry.json"), "verdict": str(folder / "verdict.json")}
        Path(made["entry"]).write_bytes(entry())
        Path(made["verdict"]).write_bytes(verdict("holds"))
        self.command.write_text(
            STAND_IN.format(python=sys.executable, calls=str(self.calls), **made)
        )
        self.command.chmod(0o755)
        self.folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.write("results/published/entries/old-quick-00000000/bundle.zip", "old")
        self.commit()

    def git(self, *words: str) -> None:
        who = {f"GIT_{w}_{k}": "x" for w in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
        alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        subprocess.run(
            ["git", *words], cwd=self.folder, check=True, env={**os.environ, **who, **alone}
        )

    def write(self, path: str, text: str | bytes) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        data = text if isinstance(text, bytes) else text.encode()
        (self.folder / path).write_bytes(data)

    def commit(self) -> None:
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--message", "x")

    def submit(self) -> tuple[int, dict[str, Any]]:
        """Status and what was found, of all that lies in the work tree."""
        self.commit()
        told = [str(self.folder), "--base", "HEAD^1", "--published", str(self.published)]
        status = VERIFY.main([*told, "--out", str(self.out), "--noisyseg", str(self.command)])
        return status, json.loads((self.out / "verdicts.json").read_text())


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def submitted(clone: Clone, bundle: str) -> None:
    clone.write(f"{ENTRY}/bundle.zip", bundle)
    clone.write(f"{ENTRY}/entry.json", entry())
    clone.write(f"{ENTRY}/verdict.json", verdict("holds"))


def test_an_entry_that_holds_is_accepted_and_in_the_preview(clone: Clone) -> None:
    submitted(clone, "good")
    status, found = clone.submit()
    assert status == 0
    assert found["problems"] == []
    (entry,) = found["entries"]
    assert entry["entry"] == "gce-quick-0123abcd"
    assert (entry["outcome"], entry["problems"]) == ("accepted", [])
    assert entry["verdict"] == {"accepted": True, "checks": []}
    assert (clone.out / "published/entries/gce-quick-0123abcd/entry.json").is_file()


def test_a_refused_one_fails(clone: Clone) -> None:
    submitted(clone, "bad")
    status, found = clone.submit()
    assert status == 1
    assert found["entries"][0]["outcome"] == "refused"


def test_without_the_data_what_can_be_checked_is(clone: Clone) -> None:
    submitted(clone, "wants data")
    status, found = clone.submit()
    assert status == 0
    assert found["entries"][0]["outcome"] == "accepted-without-data"
    assert len(clone.calls.read_text().splitlines()) == 2


def test_what_cannot_be_tried_fails_with_the_commands_own_words(clone: Clone) -> None:
    submitted(clone, "unusable")
    status, found = clone.submit()
    assert status == 1
    assert found["entries"][0]["outcome"] == "untried"
    assert "there is no data" in found["entries"][0]["problems"][0]


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("entry.json", entry(precision=18.26)),
        ("entry.json", entry(drawn=18.1)),
        ("entry.json", entry(rate=0.2)),
        ("entry.json", entry().replace(b'"segm.AP":18.25', b'"segm.AP":99.0,"segm.AP":18.25')),
        ("entry.json", entry().replace(b'"GCE"', b'"SCE"')),
        ("entry.json", entry().replace(b'"no number"', b'"no word"')),
        ("entry.json", b" " + entry()),
        ("entry.json", b"\xff"),
        ("entry.json", None),
        ("verdict.json", verdict("holds", "holds")),
        ("verdict.json", verdict("unchecked")),
        ("verdict.json", verdict("holds", accepted=False)),
        ("verdict.json", b"[]"),
        ("verdict.json", b"["),
        ("verdict.json", None),
    ],
)
def test_files_that_verification_would_make_otherwise_fail(
    clone: Clone, file: str, data: bytes | None
) -> None:
    submitted(clone, "good")
    if data is None:
        (clone.folder / ENTRY / file).unlink()
    else:
        clone.write(f"{ENTRY}/{file}", data)
    status, found = clone.submit()
    assert status == 1
    (problem,) = found["entries"][0]["problems"]
    assert file in problem


def test_last_bits_and_remarks_of_another_time_are_let_through(clone: Clone) -> None:
    submitted(clone, "good")
    clone.write(f"{ENTRY}/entry.json", entry(precision=18.25 + 1e-9, drawn=18.00001))
    clone.write(f"{ENTRY}/verdict.json", verdict("holds", "remark"))
    status, found = clone.submit()
    assert (status, found["entries"][0]["problems"]) == (0, [])


def test_a_folder_of_another_name_fails(clone: Clone) -> None:
    clone.write("results/published/entries/mine/bundle.zip", "good")
    status, found = clone.submit()
    assert status == 1
    assert "not called by the entry's id" in found["entries"][0]["problems"][0]


def test_an_entry_without_bundle_fails(clone: Clone) -> None:
    clone.write(f"{ENTRY}/entry.json", "the entry")
    status, found = clone.submit()
    assert status == 1
    assert "no bundle.zip" in found["entries"][0]["problems"][0]
    assert not clone.calls.exists()


def test_published_entries_are_neither_changed_nor_removed(clone: Clone) -> None:
    old = clone.folder / "results/published/entries/old-quick-00000000/bundle.zip"
    old.write_text("another")
    status, found = clone.submit()
    assert (status, len(found["problems"])) == (1, 1)
    assert "is changed" in found["problems"][0]
    old.unlink()
    (clone.out / "verdicts.json").unlink()
    (clone.out / "published/entries").rmdir()
    (clone.out / "published").rmdir()
    status, found = clone.submit()
    assert (status, len(found["problems"])) == (1, 1)
    assert "is removed" in found["problems"][0]


def test_links_are_not_followed(clone: Clone) -> None:
    (clone.folder / ENTRY).mkdir()
    (clone.folder / ENTRY / "bundle.zip").symlink_to(PROGRAM)
    status, found = clone.submit()
    assert status == 1
    assert "no plain file" in found["problems"][0]
    assert not clone.calls.exists()


@pytest.mark.parametrize(
    "path",
    [
        f"{ENTRY}/$(touch x).zip",
        f"{ENTRY}/bundle.zip\n",
        f"{ENTRY}/sub/bundle.zip",
        "results/published/entries/bundle.zip",
        "results/published/entries/-rf/bundle.zip",
        "results/published/entries/Ä\u202e/bundle.zip",
        "results/published/entries/a b;c`d`/bundle.zip",
        f"{ENTRY}/.gitattributes",
    ],
)
def test_other_names_are_refused_unread(clone: Clone, path: str) -> None:
    clone.write(path, "good")
    status, found = clone.submit()
    assert status == 1
    assert "no file of an entry" in found["problems"][0]
    assert not clone.calls.exists()


def test_changes_elsewhere_are_no_matter_of_it(clone: Clone) -> None:
    clone.write("results/published/README.md", "text")
    clone.write("tools/x.py", "text")
    assert clone.submit() == (0, {"format": 1, "entries": [], "problems": []})


def test_nothing_of_the_submission_comes_into_a_work_tree(clone: Clone) -> None:
    submitted(clone, "good")
    clone.commit()
    clone.git("checkout", "--quiet", "HEAD^1")  # an older work tree; HEAD is what counts
    clone.git("symbolic-ref", "HEAD", "refs/heads/main")
    told = [str(clone.folder), "--base", "main^1", "--published", str(clone.published)]
    status = VERIFY.main([*told, "--out", str(clone.out), "--noisyseg", str(clone.command)])
    assert status == 0
    assert not (clone.folder / ENTRY).exists()
    (call,) = map(json.loads, clone.calls.read_text().splitlines())
    assert Path(call[2]).is_relative_to(clone.out)
