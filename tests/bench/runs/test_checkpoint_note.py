import dataclasses

import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.runs import checkpoint_note
from noisyseg.bench.runs.checkpoint_note import note_size, noted_or_counted
from noisyseg.results.records.store import RunStore


@pytest.fixture
def suite(toy):
    return load_suite(str(toy.file), data_root=None, cache=toy.root / "cache")


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


@pytest.fixture
def counted(monkeypatch):
    """The number of classes of every detector that was built."""
    calls = []

    def build(model, protocol, num_classes):
        calls.append(num_classes)
        return 1000 + num_classes

    monkeypatch.setattr(checkpoint_note, "checkpoint_size", build)
    return calls


def notes(store):
    return [path for path in store.root.rglob("*") if path.is_file()]


def test_what_was_noted_is_not_counted_again(suite, store, counted):
    note_size(suite, 3, store)
    note_size(suite, 3, store)
    assert noted_or_counted(suite, 3, store) == 1003
    assert counted == [3]


def test_a_reader_writes_nothing(suite, store, counted):
    assert noted_or_counted(suite, 3, store) == 1003
    assert not store.root.exists()


def test_another_detector_is_counted(suite, store, counted):
    note_size(suite, 3, store)
    other = {**suite.model.detector, "more": 1}
    wider = dataclasses.replace(suite, model=dataclasses.replace(suite.model, detector=other))
    noted_or_counted(wider, 3, store)
    assert noted_or_counted(suite, 4, store) == 1004
    assert counted == [3, 3, 4]


@pytest.mark.parametrize("content", [b"", b"10", b"none\n", b"-5\n", b"\xff\n"])
def test_a_damaged_note_is_made_again(suite, store, counted, content):
    note_size(suite, 3, store)
    (note,) = notes(store)
    note.write_bytes(content)
    assert noted_or_counted(suite, 3, store) == 1003
    note_size(suite, 3, store)
    assert note.read_bytes() == b"1003\n"
    assert counted == [3, 3, 3]


def test_the_size_noted_is_that_of_the_detector(suite, store):
    note_size(suite, 3, store)
    (note,) = notes(store)
    built = checkpoint_note.checkpoint_size(suite.model, suite.protocol, 3)
    assert int(note.read_bytes()) == built
