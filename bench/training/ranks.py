"""One training on several devices: a process for each, a rank, that meet by torch.distributed.

The ranks' groups are no default group of torch: what asks torch whether it is distributed (mmdet's
losses, normalisation layers) is told no, and each pass stays what it is on one device. What the
CPU has to tell goes by gloo, always; tensors go by NCCL between GPUs.

No rank waits for one that is gone. Before ranks exchange anything, each says that it goes on: one
that ends by an error says so in its last word, and the others end with it. One that dies closes
its connections, which the others notice at once. One that is silent (it hangs, or its machine is
cut off) is taken for lost after `SILENCE_S`.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor
from torch.distributed import ProcessGroupGloo
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

# How long a rank waits for the others to come, and, when all are there, for the slowest: while the
# first of them writes a checkpoint, or predicts its last images.
MEETING_S = 300.0
SILENCE_S = 600.0
# How long a rank that fails waits to be heard.
_LAST_WORD_S = 60.0

# A block's first bytes: whether its rank has failed, and how many bytes it has to tell. What does
# not fit in goes by a second exchange.
_HEAD, _BLOCK = 9, 4096


class RankLostError(RuntimeError):
    """Another rank of the run has failed, or cannot be reached.

    Attributes:
        kind: the name of the error that the other rank failed by; None where it could not tell.
        reason: that error's message, or what torch says of the connection.
    """

    def __init__(self, message: str, *, kind: str | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = reason


class Ranks:
    """The ranks of a run, seen from one of them.

    Each of them calls the same methods in the same order.

    Args:
        rank: this one's number.
        count: how many there are.
        device: this rank's.
        control: the group for bytes, gloo; None where there is one rank.
        data: the group for tensors on the ranks' devices; None where there is one rank.

    Raises:
        RankLostError: every method, when another rank has failed or is gone.
    """

    def __init__(
        self,
        *,
        rank: int = 0,
        count: int = 1,
        device: torch.device | None = None,
        control: Any = None,
        data: Any = None,
    ) -> None:
        self.rank = rank
        self.count = count
        self._device = device
        self._control = control
        self._data = data

    @property
    def is_first(self) -> bool:
        """Whether this rank is the one that writes and reports."""
        return self.rank == 0

    def own(self, passes: int) -> range:
        """Which of a step's passes (numbered from 0) are this rank's; none, where there are few."""
        return range(self.rank, passes, self.count)

    def gathered(self, content: bytes) -> list[bytes]:
        """What each rank has to tell, in their order, on all of them."""
        if self.count == 1:
            return [content]
        blocks = self._all(_block(content))
        self._hear(blocks)
        lengths = [_length(block) for block in blocks]
        rest = max(lengths) - (_BLOCK - _HEAD)
        told = [bytes(block[_HEAD:].numpy()) for block in blocks]
        if rest > 0:
            more = self._all(_padded(content[_BLOCK - _HEAD :], rest))
            told = [first + bytes(part.numpy()) for first, part in zip(told, more, strict=True)]
        return [content[:length] for content, length in zip(told, lengths, strict=True)]

    def any(self, *wishes: bool) -> tuple[bool, ...]:
        """Of each wish, whether one of the ranks has it."""
        if self.count == 1:
            return wishes
        return tuple(map(any, zip(*self.gathered(bytes(wishes)), strict=True)))

    def of_the_first(self, content: bytes) -> bytes:
        """What the first rank has to tell, on all of them; the others' contents are not looked at.

        Unlike `gathered`, it needs the memory of one content alone.
        """
        if self.count == 1:
            return content
        length = int(self.gathered(str(len(content)).encode())[0])
        tensor = _padded(content if self.is_first else b"", max(length, 1))
        with _reaching():
            self._control.broadcast(tensor, 0).wait()
        return bytes(tensor[:length].numpy())

    def add_up(self, values: Tensor, *, are_there: bool = False) -> None:
        """Replace values by their sum over the ranks, the same bits on each; no GPU is waited for.

        Args:
            values: of the same shape and type on all ranks.
            are_there: whether the ranks have just told each other something. A rank that will not
                come must be known before the others' GPUs wait for it.
        """
        if self.count == 1:
            return
        there = values.to(self._device)
        if not are_there:
            self.gathered(b"")
        with _reaching():
            self._data.allreduce([there]).wait()
        if there is not values:
            values.copy_(there)

    def tell_failure(self, error: Exception) -> None:
        """A rank's last word, wherever the others are: they fail, too."""
        if self.count == 1 or isinstance(error, RankLostError):
            return
        text = f"{type(error).__name__}\n{error}".encode()
        self._control._set_default_timeout(timedelta(seconds=_LAST_WORD_S))
        with suppress(RankLostError):
            self._all(_block(text[: _BLOCK - _HEAD], failed=True))

    def leave(self, *, failed: bool = False) -> None:
        """Close the connections: to another rank that still waits for this one, it is gone."""
        with suppress(RuntimeError):
            if self._data is not self._control:
                # Not in order after a failure: that would wait for what will never come.
                self._data.abort() if failed else self._data.shutdown()
            self._control.shutdown()
        self._control = self._data = None

    def _all(self, own: Tensor) -> list[Tensor]:
        found = [torch.empty_like(own) for _ in range(self.count)]
        with _reaching():
            self._control.allgather([found], [own]).wait()
        return found

    def _hear(self, blocks: list[Tensor]) -> None:
        for rank, block in enumerate(blocks):
            if block[0]:
                text = bytes(block[_HEAD : _HEAD + _length(block)].numpy()).decode(errors="ignore")
                kind, _, reason = text.partition("\n")
                message = f"rank {rank} of {self.count} failed: {kind}: {reason}"
                raise RankLostError(message, kind=kind, reason=reason)


ALONE = Ranks()
"""One device: nothing is exchanged."""


@contextmanager
def joined(*, rank: int, count: int, meeting: str | None, device: torch.device) -> Iterator[Ranks]:
    """The ranks of a run, from when all have come until this one leaves, by an error or without.

    Args:
        rank: this process's number.
        count: how many there are; one meets nobody.
        meeting: where they meet: tcp://host:port (rank 0 opens the port there) or file:///path, in
            a folder that all see; a path that was never used before.
        device: this rank's.

    Raises:
        RankLostError: not all came within `MEETING_S`.
    """
    if count == 1:
        yield ALONE
        return
    assert meeting is not None
    ranks = _met(rank, count, meeting, device)
    failed = True
    try:
        yield ranks
        failed = False
    except Exception as error:
        ranks.tell_failure(error)
        raise
    finally:
        ranks.leave(failed=failed)


def _met(rank: int, count: int, meeting: str, device: torch.device) -> Ranks:
    waiting, silence = timedelta(seconds=MEETING_S), timedelta(seconds=SILENCE_S)
    reason = f"not all of {count} ranks came to {meeting} within {MEETING_S:g} s"
    with _reaching(reason):
        found = rendezvous(meeting, rank, count, timeout=waiting)
        store, _, _ = next(iter(found))
        store.set_timeout(waiting)
        named = PrefixStore("control", store)
        control = ProcessGroupGloo(named, rank, count, waiting)
        control._set_default_timeout(silence)
        data = control if device.type == "cpu" else _nccl(store, rank, count)
    return Ranks(rank=rank, count=count, device=device, control=control, data=data)


def _nccl(store: Any, rank: int, count: int) -> Any:
    from torch.distributed import ProcessGroupNCCL  # which torch for CPUs lacks

    options = ProcessGroupNCCL.Options()
    options._timeout = timedelta(seconds=SILENCE_S)
    named = PrefixStore("data", store)
    return ProcessGroupNCCL(named, rank, count, options)


@contextmanager
def _reaching(message: str = "another rank of the run is gone") -> Iterator[None]:
    """Say of torch's error that the ranks are apart."""
    try:
        yield
    except (RuntimeError, OSError) as error:
        raise RankLostError(f"{message}: {error}", reason=str(error)) from error


def _block(content: bytes, *, failed: bool = False) -> Tensor:
    head = bytes([failed]) + len(content).to_bytes(_HEAD - 1, "big")
    return _padded((head + content)[:_BLOCK], _BLOCK)


def _length(block: Tensor) -> int:
    return int.from_bytes(bytes(block[1:_HEAD].numpy()), "big")


def _padded(content: bytes, length: int) -> Tensor:
    return torch.frombuffer(bytearray(content.ljust(length, b"\0")), dtype=torch.uint8)
