"""Where runs go, and what each may use: arguments of the commands that train."""

import argparse

from noisyseg.bench.cli.arguments import positive, whole
from noisyseg.bench.runs.watchdog import STEP_LIMIT_S


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ClusterSettings`."""
    _add_shares(parser)
    _add_policies(parser)


def _add_shares(parser: argparse.ArgumentParser) -> None:
    """Where runs are done, and what each may use."""
    parser.add_argument(
        "--without-ray",
        action="store_true",
        help="runs in processes of this one, on this machine",
    )
    parser.add_argument(
        "--address",
        metavar="auto|HOST:PORT|ray://…",
        help="a Ray cluster that is already there (default: a private one on this machine)",
    )
    parser.add_argument(
        "--gpus-per-run",
        type=_share,
        metavar="N",
        help="GPUs for each run: a part of one, or several, which train it together (default: 1 "
        "where there are GPUs, else 0)",
    )
    parser.add_argument(
        "--cpus-per-run",
        type=positive,
        metavar="N",
        help="CPUs for each run; on a CPU its torch threads (default: 1, or with "
        "GPUs an even share, at most 8)",
    )


def _add_policies(parser: argparse.ArgumentParser) -> None:
    """What is done about processes that end, and about those of others."""
    parser.add_argument(
        "--max-retries",
        type=whole,
        default=2,
        metavar="N",
        help="starts again in a row for a run whose process died without having come further "
        "(default: 2)",
    )
    parser.add_argument(
        "--no-wait",
        dest="wait",
        action="store_false",
        help="leave runs that another process does to it, instead of waiting for them",
    )
    parser.add_argument(
        "--keep-checkpoints",
        action="store_true",
        help="keep those of earlier epochs, too (default: the last and the one before)",
    )
    parser.add_argument(
        "--step-limit",
        type=_step_limit,
        default=STEP_LIMIT_S,
        metavar="S",
        help=f"seconds without a step after which a training counts as hung (default: "
        f"{STEP_LIMIT_S:g}; 0: never)",
    )


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    # Ray gives out parts of one GPU, or whole ones.
    if not 0 <= value < 1e4 or (value > 1 and value != int(value)):
        raise argparse.ArgumentTypeError(
            f"wanted a share of a GPU or a whole number of them, got {text!r}"
        )
    return value


def _step_limit(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e7:
        raise argparse.ArgumentTypeError(f"wanted a number of seconds, got {text!r}")
    return value or None
