import os

import pytest

from noisyseg.shared_work import in_parts


def work(items):
    return [(item * item, os.getpid()) for item in items]


@pytest.mark.parametrize("enough", [2500, 2502])
def test_what_is_shared_comes_back_in_order(enough, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    found = [pair for part in in_parts(work, range(2501), enough=enough) for pair in part]
    assert [square for square, _ in found] == [n * n for n in range(2501)]
    assert ({process for _, process in found} == {os.getpid()}) == (enough > 2501)


def test_one_core_starts_no_process(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert {p for part in in_parts(work, range(3000), enough=1) for _, p in part} == {os.getpid()}


def test_what_goes_wrong_elsewhere_is_heard_of(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})

    def fails(items):
        raise ValueError(f"item {items[0]}")

    with pytest.raises(ValueError, match="item 0"):
        list(in_parts(fails, range(2000), enough=1))
