"""A part of a suite's runs: what one job of a batch system's array does."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from noisyseg.bench.cli.arguments import names
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError

Shard = tuple[int, int]
"""Which, from 1, and of how many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPart:
    """Which of the runs are meant; all where neither is given.

    Attributes:
        keys: how the keys begin.
    """

    shard: Shard | None
    keys: list[str] | None

    @property
    def is_chosen(self) -> bool:
        """Whether it is less than all."""
        return self.shard is not None or self.keys is not None

    @property
    def words(self) -> str:
        """How the part is called."""
        return "--keys" if self.shard is None else "--shard {}/{}".format(*self.shard)

    def settings(self, cluster: ClusterSettings) -> ClusterSettings:
        """Where a part is done: by processes of this one, unless an address is given."""
        if not self.is_chosen or cluster.address is not None:
            return cluster
        return replace(cluster, without_ray=True)


def add_part(parser: argparse.ArgumentParser) -> None:
    """The arguments of `RunPart`."""
    part = parser.add_mutually_exclusive_group()
    part.add_argument(
        "--shard",
        type=_shard,
        metavar="K/N",
        help="the K-th of N parts of the runs, by their sorted keys, done ones included, in "
        "processes of this one, without Ray: for a Slurm array or GNU parallel over one store",
    )
    part.add_argument(
        "--keys",
        type=names,
        metavar="K1,K2",
        help="the runs of these keys alone (`noisyseg plan` lists them), without Ray",
    )


def _shard(text: str) -> Shard:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"wanted K/N, such as 3/8, got {text!r}")
    which, count = int(found[1]), int(found[2])
    if not 1 <= which <= count:
        raise argparse.ArgumentTypeError(
            f"wanted K/N with K from 1 to N, got {text} (a Slurm array counts from 1 with "
            "--array=1-N)"
        )
    return which, count


def part_of_runs(runs: Sequence[Run], part: RunPart) -> list[Run]:
    """The runs that are meant, in their order.

    Every N-th of the sorted keys: which run is in which part hangs on the suite alone, not on what
    is done already.

    Raises:
        InputError: a key that is none of the runs', or of several.
    """
    keys = sorted({run.key for run in runs})
    if part.shard is not None:
        which, count = part.shard
        keys = keys[which - 1 :: count]
    elif part.keys is not None:
        keys = [_whole_key(begin, keys) for begin in part.keys]
    chosen = set(keys)
    return [run for run in runs if run.key in chosen]


def _whole_key(begin: str, keys: Sequence[str]) -> str:
    found = [key for key in keys if key.startswith(begin.lower())]
    if len(found) != 1:
        what = "no run has" if not found else f"{len(found)} runs have"
        raise InputError(
            f"--keys {begin}: {what} a key that begins so. `noisyseg plan` lists the suite's keys."
        )
    return found[0]
