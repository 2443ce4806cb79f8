"""`noisyseg methods check`: a method's contract, tried before any run is."""

import argparse
import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text

if TYPE_CHECKING:
    from noisyseg.bench.runs.method_trial import Trial

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
    passed = all(check.passed for check in trial.checks)
    if options.json:
        checks = [asdict(check) for check in trial.checks]
        print_text(
            json.dumps({**trial.method.spec(), "passed": passed, "checks": checks}, indent=2)
        )
    else:
        _print_checks(trial)
    return DONE if passed else SOME_FAILED


def _print_checks(trial: "Trial") -> None:
    width = max(len(check.name) for check in trial.checks)
    for check in trial.checks:
        state = "ok" if check.passed else "FAILED"
        print_text(f"{state:6}  {check.name:{width}}  {check.detail}".rstrip())
    print_text(f"{trial.method.name}: {_verdict(trial)}")


def _verdict(trial: "Trial") -> str:
    failed = sum(not check.passed for check in trial.checks)
    if not failed:
        return f"all {len(trial.checks)} checks passed"
    rest = f"; {trial.untried} more were not tried, for they need a loss per RoI"
    return f"{failed} of {len(trial.checks)} checks FAILED{rest if trial.untried else ''}"
