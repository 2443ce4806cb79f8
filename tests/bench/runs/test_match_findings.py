"""Matches that were changed are named, though their checksum in the record fits."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from noisyseg.bench.runs.run_verification import verify_run
from noisyseg.files import sha256_file
from noisyseg.results.evaluation import matches_file
from noisyseg.results.evaluation.evaluation import mask_matches
from noisyseg.results.evaluation.matches_file import write_matches
from noisyseg.results.evaluation.predictions import read_predictions
from noisyseg.results.records.record import parse_record, seal

HELD = Path(__file__).parents[2] / "held" / "store"


@pytest.fixture
def run(tmp_path):
    """A run's folder, and a function that lays matches in it and gives the record of that."""
    store = shutil.copytree(HELD, tmp_path / "store")
    folder = store / "shapes" / "lncis" / "1726e3c47f19a026"
    record = parse_record((folder / "record.json").read_bytes())
    made = mask_matches(
        store / ".annotations" / "1e5b5c672700f16b" / "eval.json",
        read_predictions(folder / "predictions.json.zst"),
        classes=record["spec"]["data"]["classes"],
    )

    def lay(change=lambda matches: matches, made_of=None):
        digest = write_matches(
            folder / "matches.msgpack.zst",
            change(made),
            predictions_sha256=made_of or sha256_file(folder / "predictions.json.zst"),
        )
        fields = {k: v for k, v in record.items() if k not in ("format", "key", "checksum")}
        return seal({**fields, "checksums": {**record["checksums"], "matches": digest}})

    return folder, lay


def test_a_runs_own_matches_are_proven(run):
    folder, lay = run
    findings = verify_run(folder, lay())[1]
    assert (findings.differences, findings.unchecked) == ([], [])
    assert {"checksums.matches", "matches.image_ids", "matches.classes"} <= set(findings.proven)


def test_all_right_where_most_were_wrong_is_named(run):
    folder, lay = run

    def better(matches):
        first, *others = matches.classes
        return replace(matches, classes=(replace(first, right=np.ones_like(first.right)), *others))

    findings = verify_run(folder, lay(better))[1]
    assert [one.path for one in findings.differences] == ["matches.classes[0]"]
    assert str(findings.differences[0]).startswith("matches.classes[0]: record ")


def test_matches_that_say_they_are_of_other_predictions_are_named(run, monkeypatch):
    folder, lay = run
    findings = verify_run(folder, lay(made_of="0" * 64))[1]
    assert [one.path for one in findings.differences] == ["matches.predictions_sha256"]
    monkeypatch.setitem(matches_file.EVALUATION, "version", 99)
    record = lay()
    monkeypatch.undo()
    findings = verify_run(folder, record)[1]
    assert [one.path for one in findings.differences] == ["matches.evaluation"]


def test_a_file_that_no_run_left_is_a_difference_though_its_checksum_fits(run):
    folder, lay = run
    fields = {k: v for k, v in lay().items() if k not in ("format", "key", "checksum")}
    file = folder / "matches.msgpack.zst"
    file.write_bytes(file.read_bytes()[:-5])
    record = seal({**fields, "checksums": {**fields["checksums"], "matches": sha256_file(file)}})
    findings = verify_run(folder, record)[1]
    assert [one.path for one in findings.differences] == ["matches"]
    assert findings.unchecked == []


def test_fewer_classes_or_other_images_are_named(run):
    folder, lay = run
    findings = verify_run(folder, lay(lambda found: replace(found, classes=found.classes[:3])))[1]
    assert [one.path for one in findings.differences] == ["matches.classes"]
    renamed = lay(lambda found: replace(found, image_ids=tuple(n + 1 for n in found.image_ids)))
    findings = verify_run(folder, renamed)[1]
    assert [one.path for one in findings.differences] == ["matches.image_ids"]


def test_a_changed_byte_and_a_missing_file(run):
    folder, lay = run
    record = lay()
    file = folder / "matches.msgpack.zst"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    findings = verify_run(folder, record)[1]
    assert [one.path for one in findings.differences] == ["checksums.matches"]
    file.unlink()
    findings = verify_run(folder, record)[1]
    assert findings.differences == []
    assert any(line.startswith("checksums.matches: ") for line in findings.unchecked)
