"""What `run` notes of a suite in its store."""

import json

import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.runs.suite_note import cell_of, keys_of, read_note, write_note
from noisyseg.results.records.store import RunStore


@pytest.fixture
def noted(toy, tmp_path):
    """Writes the note of the toy's runs at some seeds; returns the suite, its runs, the note."""

    def make(seeds):
        toy.suite["seeds"] = seeds
        suite = load_suite(str(toy.write()), data_root=None, cache=toy.root / "cache")
        return suite, toy.expand(tmp_path / "runs")

    return make


def file_of(tmp_path):
    return tmp_path / "runs" / "suites" / "toy.json"


def test_every_cell_and_seed_has_its_key(noted, tmp_path):
    suite, runs = noted([3, 0])
    write_note(suite, runs, RunStore(tmp_path / "runs"))
    document = json.loads(file_of(tmp_path).read_bytes())
    assert (document["format"], document["suite"], document["variant"]) == (1, "toy", None)
    cells = [
        (cell["method"], cell["noise"], cell["noise_seed"], cell["train_seed"], cell["key"])
        for cell in document["cells"]
    ]
    assert [cell[:4] for cell in cells] == [
        *(("ce", "clean", None, 0), ("ce", "clean", None, 3)),
        *(("ce", "sym40", 0, 0), ("ce", "sym40", 3, 3)),
        *(("lncis", "clean", None, 0), ("lncis", "clean", None, 3)),
        *(("lncis", "sym40", 0, 0), ("lncis", "sym40", 3, 3)),
    ]
    assert {cell[4] for cell in cells} == {run.key for run in runs}
    note = read_note(suite, RunStore(tmp_path / "runs"))
    assert keys_of(note) == {cell_of(run): run.key for run in runs}


def test_the_same_runs_give_the_same_bytes_in_any_order(noted, tmp_path):
    suite, runs = noted([0, 1])
    store = RunStore(tmp_path / "runs")
    write_note(suite, runs, store)
    once = file_of(tmp_path).read_bytes()
    write_note(suite, runs[::-1], store)
    write_note(suite, runs[:2], store)  # what was noted before stays
    assert file_of(tmp_path).read_bytes() == once


def test_runs_on_other_data_take_the_place_of_all(toy, noted, tmp_path):
    suite, runs = noted([0, 1])
    store = RunStore(tmp_path / "runs")
    write_note(suite, runs, store)
    toy.documents["train"]["info"] = {"description": "another file"}
    toy.write()
    others = toy.expand(tmp_path / "runs")
    assert {run.key for run in others}.isdisjoint(run.key for run in runs)
    write_note(suite, others[:1], store)
    assert list(keys_of(read_note(suite, store)).values()) == [others[0].key]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 2}'])
def test_a_note_that_is_none_is_passed_over(noted, tmp_path, content):
    suite, runs = noted([0])
    store = RunStore(tmp_path / "runs")
    file_of(tmp_path).parent.mkdir(parents=True)
    file_of(tmp_path).write_bytes(content)
    assert read_note(suite, store) is None
    write_note(suite, runs, store)
    assert len(keys_of(read_note(suite, store))) == 4


def test_the_note_of_another_definition_is_passed_over(toy, noted, tmp_path):
    suite, runs = noted([0])
    write_note(suite, runs, RunStore(tmp_path / "runs"))
    toy.suite["noise"]["sym40"]["rate"] = 0.5
    toy.write()
    assert read_note(suite, RunStore(tmp_path / "runs")) is None


def test_a_note_of_seeds_below_zero_is_passed_over(noted, tmp_path):
    suite, runs = noted([0])
    store = RunStore(tmp_path / "runs")
    write_note(suite, runs, store)
    document = json.loads(file_of(tmp_path).read_bytes())
    document["cells"][0]["train_seed"] = -1
    file_of(tmp_path).write_text(json.dumps(document))
    assert read_note(suite, store) is None
