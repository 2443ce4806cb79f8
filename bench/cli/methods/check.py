"""`noisyseg methods check`: a method's contract, tried before any run is."""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text
from noisyseg.errors import InputError
from noisyseg.methods.contract.checks import CHECKS
from noisyseg.methods.contract.verdict import Check, check_contract
from noisyseg.methods.method import ResolvedMethod
from noisyseg.methods.plugins import installed_method, installed_names
from noisyseg.methods.registry import TAKEN, named

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
    with redirect_stdout(sys.stderr):  # what the method prints is no answer of the command
        method, checks = _checked(options.method, options.model)
    passed = all(check.passed for check in checks)
    if options.json:
        document = {**method.spec(), "passed": passed, "checks": [asdict(c) for c in checks]}
        print_text(json.dumps(document, indent=2))
    else:
        _print_checks(method, checks)
    return DONE if passed else SOME_FAILED


def _checked(text: str, model: str | None) -> tuple[ResolvedMethod, list[Check]]:
    """The method that a command line names, and what its checks found."""
    if text in installed_names():
        # Under a built-in's name, too: whoever installed it must hear that it is not used.
        installed_method(text, TAKEN)
    method = named(text)
    checks = check_contract(method)
    if model is not None:
        checks.append(_on_model(method, model))
    return method, checks


def _print_checks(method: ResolvedMethod, checks: Sequence[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        state = "ok" if check.passed else "FAILED"
        print_text(f"{state:6}  {check.name:{width}}  {check.detail}".rstrip())
    print_text(f"{method.name}: {_verdict(checks)}")


def _verdict(checks: Sequence[Check]) -> str:
    failed = sum(not check.passed for check in checks)
    if not failed:
        return f"all {len(checks)} checks passed"
    untried = len(set(CHECKS) - {check.name for check in checks})
    rest = f"; {untried} more were not tried, for they need a loss per RoI" if untried else ""
    return f"{failed} of {len(checks)} checks FAILED{rest}"


def _on_model(method: ResolvedMethod, model: str) -> Check:
    """Whether the model's box heads can take the method."""
    from noisyseg.bench.runs.model_trial import box_heads_with  # mmdet takes seconds

    name, heads = box_heads_with(method, model)
    if isinstance(heads, InputError):
        return Check(name=f"model {name}", passed=False, detail=str(heads))
    return Check(name=f"model {name}", passed=True, detail=f"in {heads} box heads")
