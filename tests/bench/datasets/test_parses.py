"""Whether annotation files are parsed whole between a command and the first training."""

import json

import orjson
import pytest

from noisyseg.bench.cluster.scheduler import Done


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
def put_off(toy, monkeypatch):
    """Training is put off."""
    toy.documents["eval"]["annotations"].pop()
    toy.write()
    monkeypatch.setattr("noisyseg.bench.cluster.scheduler.run_all", lambda *_: Done())


@pytest.mark.parametrize("way", [[], ["--rehearse"], ["--dry-run"]])
def test_no_file_is_parsed_whole_on_a_runs_way(call, toy, parsed, put_off, way, tmp_path):
    call("run", toy.file, "--out", tmp_path / "runs", *way)
    assert not any(parsed)


def test_so_it_is_in_a_plan(call, toy, parsed, put_off):
    assert json.loads(call("plan", toy.file, "--json").out)["note"] is None
    assert not any(parsed)
