"""`noisyseg methods check`: a method's contract, tried before any run is."""

import argparse
import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.checks import print_checks, status_of
from noisyseg.bench.cli.output import DONE, print_text

EXAMPLE = "noisyseg methods check my_method.py:my_loss"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    method: str
    model: str | None
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("method", metavar="NAME|PATH.py:NAME")
    parser.add_argument(
        "--model", metavar="NAME|FILE", help="also put it into this model's box heads"
    )
    add_json(parser)


def run(options: Options) -> int:
    """Try a method on hard batches of RoIs, and say what it breaks and why.

    Raises:
        InputError: there is no such method or model, or it cannot be loaded.
    """
    # Imported here: torch takes seconds, for which --help need not wait.
    from noisyseg.bench.runs.method_trial import try_method

    with redirect_stdout(sys.stderr):  # what the method prints is no answer of the command
        trial = try_method(options.method, model=options.model)
    status, checks = status_of(trial.checks), [asdict(check) for check in trial.checks]
    if options.json:
        document = {**trial.method.spec(), "passed": status == DONE, "checks": checks}
        print_text(json.dumps(document, indent=2))
    else:
        number = trial.untried
        untried = f"{number} more were not tried, for they need a loss per RoI" if number else ""
        print_checks(trial.method.name, trial.checks, untried)
    return status
