from types import SimpleNamespace

from noisyseg.bench.cluster.waiting_runs import WaitingRuns


def run(key):
    return SimpleNamespace(key=key)


def taken(waiting):
    found = []
    while (next_one := waiting.take()) is not None:
        found.append(next_one.key)
    return found


def test_the_longest_begin_first_and_equal_ones_in_their_order():
    lengths = {"a": 1.0, "b": 5.0, "c": 5.0, "d": 2.0}
    waiting = WaitingRuns([run(key) for key in "abcd"], lambda one: lengths[one.key])
    assert len(waiting) == 4
    assert taken(waiting) == ["b", "c", "d", "a"]
    assert len(waiting) == 0


def test_a_run_of_unknown_length_counts_among_the_longest():
    lengths = {"a": 1.0, "b": None, "c": 3.0}
    waiting = WaitingRuns([run(key) for key in "abc"], lambda one: lengths[one.key])
    assert taken(waiting) == ["b", "c", "a"]
    nothing_known = WaitingRuns([run(key) for key in "abc"], lambda one: None)
    assert taken(nothing_known) == ["a", "b", "c"]


def test_runs_that_wait_for_another_begin_when_it_has_come_so_far():
    a, b, c = map(run, "abc")
    waiting = WaitingRuns([a, b, c], lambda one: 1.0)
    waiting.hold_back({"b": "a", "c": "a"})
    assert taken(waiting) == ["a"]
    assert len(waiting) == 2
    assert {one.key for one in waiting} == {"b", "c"}
    waiting.release("a", [c])
    assert taken(waiting) == ["c"]
    waiting.release("a", [b])
    assert taken(waiting) == ["b"]
    assert len(waiting) == 0


def test_what_is_put_last_begins_last():
    a, b = map(run, "ab")
    waiting = WaitingRuns([a, b], lambda one: 1.0)
    first = waiting.take()
    waiting.add_last(first)
    assert taken(waiting) == ["b", "a"]
