import dataclasses
import multiprocessing

import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.runs import checkpoint_note
from noisyseg.bench.runs.checkpoint_note import counting_beside, note_size, noted_or_counted
from noisyseg.errors import InputError
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


def known(suite, num_classes, store):
    return noted_or_counted(suite, num_classes, store, checkpoint_note.checkpoint_size)


def notes(store):
    return [path for path in store.root.rglob("*") if path.is_file()]


def test_what_was_noted_is_not_counted_again(suite, store, counted):
    note_size(suite, 3, store)
    note_size(suite, 3, store)
    assert known(suite, 3, store) == 1003
    assert counted == [3]


def test_a_reader_writes_nothing(suite, store, counted):
    assert known(suite, 3, store) == 1003
    assert not store.root.exists()


def test_another_detector_is_counted(suite, store, counted):
    note_size(suite, 3, store)
    other = {**suite.model.detector, "more": 1}
    wider = dataclasses.replace(suite, model=dataclasses.replace(suite.model, detector=other))
    known(wider, 3, store)
    assert known(suite, 4, store) == 1004
    assert counted == [3, 3, 4]


def test_a_training_that_averages_weights_is_counted_apart(suite, store, counted):
    note_size(suite, 3, store)
    averaged = dataclasses.replace(suite, protocol={**suite.protocol, "average_last": 1})
    known(averaged, 3, store)
    assert counted == [3, 3]


@pytest.mark.parametrize("content", [b"", b"10", b"none\n", b"-5\n", b"\xff\n"])
def test_a_damaged_note_is_made_again(suite, store, counted, content):
    note_size(suite, 3, store)
    (note,) = notes(store)
    note.write_bytes(content)
    assert known(suite, 3, store) == 1003
    note_size(suite, 3, store)
    assert note.read_bytes() == b"1003\n"
    assert counted == [3, 3, 3]


def test_the_size_noted_is_that_of_the_detector(suite, store):
    note_size(suite, 3, store)
    (note,) = notes(store)
    built = checkpoint_note.checkpoint_size(suite.model, suite.protocol, 3)
    assert int(note.read_bytes()) == built


def others():
    return multiprocessing.active_children()


def test_another_process_counts_the_same_and_tells_what_is_wrong_as_here(suite, store, request):
    expected = checkpoint_note.checkpoint_size(suite.model, suite.protocol, 3)
    counted = request.getfixturevalue("counted")
    wrong = dataclasses.replace(suite.model, detector={**suite.model.detector, "type": "Nothing"})
    with counting_beside(store) as count:
        (beside,) = others()
        assert count(suite.model, suite.protocol, 3) == expected
        with pytest.raises(InputError, match="Nothing"):
            count(wrong, suite.protocol, 3)
        assert count(suite.model, suite.protocol, 4) > expected
    assert not counted
    assert not others()
    assert not beside.is_alive()


def test_a_killed_process_is_done_without(suite, store, counted):
    with counting_beside(store) as count:
        others()[0].kill()
        assert count(suite.model, suite.protocol, 3) == 1003
    assert counted == [3]


def test_it_ends_with_whatever_ends_the_command(suite, store):
    started = []

    def command():
        with counting_beside(store):
            started.extend(others())
            raise InputError("no data")

    with pytest.raises(InputError):
        command()
    assert started
    assert not others()


def test_where_sizes_are_noted_there_is_no_other_process(suite, store, counted):
    note_size(suite, 3, store)
    with counting_beside(store) as count:
        assert not others()
        assert count(suite.model, suite.protocol, 4) == 1004
