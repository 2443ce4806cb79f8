import os
import signal
import socket
import time

import pytest
import torch

from noisyseg.bench.training import ranks as ranks_module
from noisyseg.bench.training.ranks import ALONE, RankLostError, joined

CPU = torch.device("cpu")


@pytest.mark.parametrize("count", [2, 3])
def test_each_rank_hears_what_all_have_to_tell_in_their_order(on_ranks, count):
    def mixed(ranks):  # empty, just what fits in a block, and more
        sizes = [0, 4087, 100_000]
        return ranks.gathered(bytes([ranks.rank + 1]) * sizes[ranks.rank])

    sizes = [0, 4087, 100_000][:count]
    expected = [bytes([rank + 1]) * size for rank, size in enumerate(sizes)]
    assert on_ranks(mixed, count) == [expected] * count


def test_the_first_ranks_content_is_all_ranks(on_ranks):
    def work(ranks):
        return [
            ranks.of_the_first(content if ranks.is_first else b"not asked for" * 9)
            for content in (b"", b"one", b"x" * 50_000)
        ]

    assert on_ranks(work, 3) == [[b"", b"one", b"x" * 50_000]] * 3


def test_a_wish_of_one_is_known_to_all(on_ranks):
    def work(ranks):
        return ranks.any(False, ranks.rank == 1, True), ranks.any(ranks.is_first)

    assert on_ranks(work) == [((False, True, True), (True,))] * 2


def test_sums_are_the_same_bits_on_every_rank(on_ranks):
    def work(ranks):
        values = torch.rand(1001, generator=torch.Generator().manual_seed(ranks.rank))
        ranks.add_up(values)
        return values.numpy().tobytes()

    found = on_ranks(work, 3)
    assert len(set(found)) == 1
    own = [torch.rand(1001, generator=torch.Generator().manual_seed(rank)) for rank in range(3)]
    total = torch.frombuffer(bytearray(found[0]), dtype=torch.float32)
    torch.testing.assert_close(total, own[0] + own[1] + own[2])


def test_torch_is_not_told_of_the_ranks(on_ranks):
    """mmdet would average numbers of losses over them, pass by pass, and wait for ever."""
    assert on_ranks(lambda ranks: torch.distributed.is_initialized()) == [False, False]


def test_alone_nothing_changes():
    values = torch.ones(3)
    ALONE.add_up(values)
    assert values.tolist() == [1, 1, 1]
    assert ALONE.gathered(b"a") == [b"a"]
    assert ALONE.of_the_first(b"a") == b"a"
    assert ALONE.any(True, False) == (True, False)
    with joined(rank=0, count=1, meeting=None, device=CPU) as ranks:
        assert ranks is ALONE


# One that is gone


def test_a_rank_that_fails_tells_the_others_why(on_ranks):
    def work(ranks):
        ranks.gathered(b"")
        if ranks.rank == 1:
            raise ValueError("no such thing, " + "ä" * 5000)
        ranks.add_up(torch.ones(3))

    began = time.monotonic()
    first, second, third = on_ranks(work, 3)
    assert time.monotonic() - began < 20
    assert isinstance(second, ValueError)
    for lost in (first, third):
        assert isinstance(lost, RankLostError)
        assert str(lost).startswith("rank 1 of 3 failed: ValueError: no such thing, ä")


def free_address():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{bound.getsockname()[1]}"


@pytest.mark.parametrize(("count", "killed"), [(2, 0), (2, 1), (3, 1)])
def test_a_rank_that_is_killed_is_noticed_at_once(on_ranks, count, killed):
    """The first one, too, at whose address they met."""

    def work(ranks):
        ranks.gathered(b"")
        if ranks.rank == killed:
            os.kill(os.getpid(), signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(RankLostError, match="another rank of the run is gone"):
            ranks.gathered(b"")
        return time.monotonic() - began

    found = on_ranks(work, count, meeting=free_address())
    assert found.pop(killed) is None
    assert all(seconds < 10 for seconds in found)


def test_a_rank_that_leaves_in_the_middle_is_noticed(on_ranks):
    def work(ranks):
        return None if ranks.rank == 1 else ranks.gathered(b"")

    first, second = on_ranks(work)
    assert isinstance(first, RankLostError)
    assert second is None


def test_a_rank_that_is_silent_is_given_up(on_ranks, monkeypatch):
    monkeypatch.setattr(ranks_module, "SILENCE_S", 1.0)

    def work(ranks):
        if ranks.rank == 1:
            time.sleep(2.5)
        ranks.gathered(b"")

    began = time.monotonic()
    first, _ = on_ranks(work)
    assert isinstance(first, RankLostError)
    assert time.monotonic() - began < 20


def test_a_rank_that_nobody_meets_does_not_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(ranks_module, "MEETING_S", 1.0)
    meeting = f"file://{tmp_path}/meeting"
    with (
        pytest.raises(RankLostError, match=r"not all of 2 ranks came to file://.* within 1 s"),
        joined(rank=0, count=2, meeting=meeting, device=CPU),
    ):
        pytest.fail("nobody came")
