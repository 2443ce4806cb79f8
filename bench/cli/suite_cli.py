"""The parsers of the commands that work on a suite's runs."""

from noisyseg.bench.cli.parsers import (
    Subparsers,
    add_command,
    add_json,
    lazy_command,
)

_FORMATS = ("png", "svg", "pdf")


def add_methods_list(actions: Subparsers) -> None:
    """Add the command."""
    listing = add_command(
        actions,
        "list",
        lazy_command("methods_list", "methods_commands"),
        "list the methods, built in and installed",
        example="noisyseg methods list",
    )
    add_json(listing)


def add_methods_show(actions: Subparsers) -> None:
    """Add the command."""
    show = add_command(
        actions,
        "show",
        lazy_command("methods_show", "methods_commands"),
        "a method's parameters, their defaults and its paper",
        example="noisyseg methods show lncis",
    )
    show.add_argument("method", metavar="NAME|PATH.py:NAME")
    add_json(show)


def add_methods_check(actions: Subparsers) -> None:
    """Add the command."""
    check = add_command(
        actions,
        "check",
        lazy_command("methods_check", "check_command"),
        "try a method on hard batches of RoIs and say what it breaks",
        example="noisyseg methods check my_method.py:my_loss",
    )
    check.add_argument("method", metavar="NAME|PATH.py:NAME")
    check.add_argument(
        "--model", metavar="NAME|FILE", help="also put it into this model's box heads"
    )
    add_json(check)
