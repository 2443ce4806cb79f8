"""The argument that names a folder of published entries."""

import argparse
from pathlib import Path

DEFAULT = Path("results/published")


def add_published(parser: argparse.ArgumentParser) -> None:
    """The folder of published entries; that of a checkout by default."""
    parser.add_argument(
        "published",
        type=Path,
        nargs="?",
        default=DEFAULT,
        metavar="PUBLISHED",
        help=f"folder of published entries (default: {DEFAULT})",
    )
