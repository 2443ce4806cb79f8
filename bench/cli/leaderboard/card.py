"""`noisyseg leaderboard card`: a card to fill in, with what is known of a method."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.cli.output import DONE, print_text, say
from noisyseg.bench.config.suite import Choices, load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.errors import InputError
from noisyseg.files import write_atomically
from noisyseg.methods.method import ResolvedMethod
from noisyseg.methods.plugins import NOT_DESCRIBED, NOT_STATED
from noisyseg.methods.registry import methods_of_files, resolve
from noisyseg.results.leaderboard.card_template import card_template
from noisyseg.text_lines import with_path

EXAMPLE = "noisyseg leaderboard card lncis --suite quick --write lncis.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Of which method.

    Attributes:
        method: its label in the suite, or its name.
        suite: whose label it is; None: the method with its defaults.
        variant: of the suite.
        method_files: `PATH.py:NAME` of methods of the user's own.
        write: a new file; None: it is printed.
    """

    method: str
    suite: str | None
    variant: str | None
    method_files: list[str]
    write: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("method", metavar="METHOD", help="its label in the suite, or its name")
    parser.add_argument(
        "--suite",
        metavar="SUITE",
        help="a shipped suite's name or a YAML file: the parameters are those of its label "
        "(default: the method's own)",
    )
    parser.add_argument(
        "--variant", metavar="NAME", help="one of the suite's variants (default: its first)"
    )
    parser.add_argument(
        "--method-file",
        action="append",
        default=[],
        dest="method_files",
        metavar="PATH.py:NAME",
        help="a method of your own: a Python file and the function or class in it",
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="write it there; a file that is there is kept (default: it is printed)",
    )


def run(options: Options) -> int:
    """Print or write a card's template.

    Raises:
        InputError: an unknown method, an unusable suite, or a file that is there already.
    """
    label, resolved = _method(options)
    method = resolved.method
    text = card_template(
        label,
        parameters=resolved.parameters,
        paper=None if method.paper == NOT_STATED else method.paper,
        summary="" if method.summary == NOT_DESCRIBED else method.summary,
    )
    if options.write is None:
        print_text(text.rstrip())
        return DONE
    if options.write.exists():
        raise InputError(f"{options.write} is there already: name a new file, or delete it.")
    write_atomically(options.write, text.encode())
    say(with_path("card to fill in written to", options.write))
    return DONE


def _method(options: Options) -> tuple[str, ResolvedMethod]:
    """The method and its label."""
    own = methods_of_files(options.method_files)
    if options.suite is None:
        resolved = resolve(options.method, {}, own=own)
        return resolved.name, resolved
    choices = Choices(variant=options.variant, random_weights=True, download=False, own_methods=own)
    suite = load_suite(options.suite, data_root=None, cache=cache_folder(), choices=choices)
    return next(iter(choose(suite, methods=[options.method]).methods.items()))
