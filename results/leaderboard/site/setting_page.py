"""The page of a noise setting: what the noise is, its matrix, how to make it, its files' hashes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from noisyseg.results.leaderboard.boards import Board, Ground
from noisyseg.results.leaderboard.site.templates import filled

_FILES = {"manifest": "manifest", "noisy_annotations": "noisy annotation file"}
"""Checksum of a run → what it is of; equal for all entries that had the same noise seed."""


class Described(NamedTuple):
    """A noise in words.

    Attributes:
        steps: a sentence for each.
        matrix: class → the probability of each class after all steps, in `classes`' order; None
            where the noise is not of classes, or not known from the spec alone.
        spec: its steps as `noise make --spec` reads them.
    """

    steps: Sequence[str]
    matrix: Mapping[str, Sequence[float]] | None
    spec: str


Describe = Callable[[Mapping[str, Any], Sequence[str]], Described]
"""Of a noise without its seed and the names of the classes."""


def setting_page(ground: Ground, board: Board, describe: Describe, *, date: str) -> bytes:
    """The page.

    Args:
        ground: of the board.
        board: of the setting.
        describe: says what its noise is.
        date: of the newest entry of the site.
    """
    told = None if board.noise is None else describe(board.noise, classes_of(board))
    hashes = _hashes(board)
    return filled(
        "setting.html.j2",
        root="../../",
        date=date,
        ground=ground,
        board=board,
        reported=ground.first.kind == "reported",
        told=told,
        hashes=hashes,
        seed=hashes[0][0] if hashes else 0,
    )


def classes_of(board: Board) -> list[str]:
    """Names of the classes that runs have numbers for, in one order."""
    return sorted(
        {
            name
            for row in board.rows
            for setting in row.entry.settings.values()
            for run in setting.runs[:1]
            for name in run.per_class
        }
    )


def _hashes(board: Board) -> list[tuple[int, str, str]]:
    """Noise seed, what a file is, and its SHA-256."""
    found: dict[tuple[int, str], dict[str, None]] = {}
    for row in board.rows:
        for setting in row.entry.settings.values():
            if setting.noise != board.noise:
                continue
            for run in setting.runs:
                for name, what in _FILES.items():
                    value = run.checksums.get(name)
                    if run.noise_seed is not None and value is not None:
                        found.setdefault((run.noise_seed, what), {})[value] = None
    return [(*place, value) for place, values in sorted(found.items()) for value in values]
