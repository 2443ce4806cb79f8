"""The command line: a file a command."""

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns 0 done, 1 some runs failed, 2 unusable input (nothing started)."""
    from noisyseg.bench.cli.command_line import main

    return main(argv)
