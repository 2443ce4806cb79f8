"""How often annotation files are parsed between a command and the first training."""

import json

import orjson
import pytest


@pytest.fixture
def parsed(monkeypatch):
    """The numbers of annotations of the documents that were parsed, in order."""
    real, found = orjson.loads, []

    def loads(data):
        document = real(data)
        if isinstance(document, dict) and {"images", "annotations"} <= document.keys():
            found.append(len(document["annotations"]))
        return document

    monkeypatch.setattr(orjson, "loads", loads)
    return found


@pytest.fixture
def sizes(toy, monkeypatch):
    """Of train and eval; training is put off."""
    toy.documents["eval"]["annotations"].pop()
    toy.write()
    monkeypatch.setattr("noisyseg.bench.cluster.scheduler.run_all", lambda *_: {})
    return [len(toy.documents[part]["annotations"]) for part in ("train", "eval")]


@pytest.mark.parametrize("way", [[], ["--rehearse"], ["--dry-run"]])
def test_each_file_is_parsed_once_on_a_runs_way(call, toy, parsed, sizes, way, tmp_path):
    call("run", toy.file, "--out", tmp_path / "runs", *way)
    assert parsed == sizes


def test_so_it_is_in_a_plan(call, toy, parsed, sizes):
    assert json.loads(call("plan", toy.file, "--json").out)["note"] is None
    assert parsed == sizes
