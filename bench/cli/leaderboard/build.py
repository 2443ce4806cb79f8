"""`noisyseg leaderboard build`: the site of published entries, as files."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.cli.leaderboard.published_folder import add_published
from noisyseg.bench.cli.output import DONE, say
from noisyseg.bench.reporting.noise_words import described
from noisyseg.results.leaderboard.site.building import build_site, write_snapshot
from noisyseg.text_lines import with_path

EXAMPLE = "noisyseg leaderboard build results/published --out site"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for.

    Attributes:
        snapshot: zip to write the whole site into; None: none.
    """

    published: Path
    out: Path
    snapshot: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.description = (
        "Write the leaderboard as HTML pages that need no network, no server and no script, with "
        "all numbers as JSON and CSV. The same entries give the same bytes."
    )
    add_published(parser)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("site"),
        metavar="FOLDER",
        help="the site's folder; one that is there is replaced (default: site)",
    )
    parser.add_argument(
        "--snapshot",
        type=Path,
        metavar="FILE.zip",
        help="also write the whole site into one archive, dated by its newest entry",
    )


def run(options: Options) -> int:
    """Build the site.

    Raises:
        InputError: unusable entries, or no place to write to.
    """
    date = build_site(options.published, options.out, described)
    say(with_path(f"the leaderboard as of {date} is in", options.out / "index.html"))
    if options.snapshot is not None:
        write_snapshot(options.out, options.snapshot, date)
        say(with_path("its snapshot is", options.snapshot))
    return DONE
