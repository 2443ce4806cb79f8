"""`noisyseg leaderboard show`: the boards in the terminal."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.leaderboard.published_folder import add_published
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.errors import InputError
from noisyseg.results.leaderboard.arrangement import grounds_of
from noisyseg.results.leaderboard.board_text import board_text
from noisyseg.results.leaderboard.boards import Board, Ground
from noisyseg.results.leaderboard.published import paper_entries, read_published
from noisyseg.results.leaderboard.site.exports import board_json

EXAMPLE = "noisyseg leaderboard show results/published --noise sym40"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for.

    Attributes:
        data: of boards whose data set has this in its name; None: all.
        noise: label of the noise; None: all.
        paper: whether the paper's tables are shown, too.
    """

    published: Path
    data: str | None
    noise: str | None
    paper: bool
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_published(parser)
    parser.add_argument("--data", metavar="NAME", help="boards of this data set alone")
    parser.add_argument("--noise", metavar="LABEL", help="boards of this noise setting alone")
    parser.add_argument("--paper", action="store_true", help="the paper's tables, too")
    add_json(parser)


def run(options: Options) -> int:
    """Print the newest boards.

    Raises:
        InputError: unusable entries, or no such board.
    """
    entries = read_published(options.published) + (paper_entries() if options.paper else [])
    boards = _chosen(grounds_of(entries), options)
    if not boards:
        raise InputError(
            f"no board of {options.published} fits: leave out --data and --noise to see all."
        )
    if options.json:
        documents: list[Any] = [json.loads(board_json(*board)) for board in boards]
        print_text(json.dumps(documents, ensure_ascii=False))
    else:
        print_text("\n\n".join(board_text(*board) for board in boards))
    return DONE


def _chosen(grounds: Sequence[Ground], options: Options) -> list[tuple[Ground, Board]]:
    return [
        (ground, board)
        for ground in grounds
        if not ground.archived and (options.data is None or options.data in ground.first.data)
        for board in ground.boards
        if options.noise in (None, board.setting)
    ]
