"""`methods check`: a method's contract, tried before any run is."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path

from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text
from noisyseg.bench.runs.process_output import output_to
from noisyseg.errors import InputError
from noisyseg.methods.contract.checks import CHECKS
from noisyseg.methods.contract.verdict import Check, check_contract
from noisyseg.methods.method import ResolvedMethod
from noisyseg.methods.plugins import installed_method, installed_names
from noisyseg.methods.registry import TAKEN, named

_NUM_CLASSES = 2


def methods_check(arguments: argparse.Namespace) -> int:
    """Try a method on hard batches of RoIs, and say what it breaks and why.

    Raises:
        InputError: there is no such method, or it cannot be loaded.
    """
    with redirect_stdout(sys.stderr):  # what the method prints is no answer of the command
        method, checks = _checked(arguments.method, arguments.model)
    passed = all(check.passed for check in checks)
    if arguments.json:
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
    """Whether the model's box heads can take the method.

    Raises:
        InputError: there is no such model, or mmdet cannot build it.
    """
    # Imported here: mmdet takes seconds, which a method alone does not need.
    from noisyseg.bench.config.model import load_model
    from noisyseg.bench.training.stack import load_stack
    from noisyseg.located_yaml import read_yaml

    load_stack()
    from noisyseg.bench.training.class_loss import put_method
    from noisyseg.bench.training.detector import build_detector

    source = read_yaml(Path(model)) if model.endswith((".yaml", ".yml")) else model
    loaded = load_model(source, where="--model", root=Path(), random_weights=True)
    with output_to(Path(os.devnull)):  # mmdet's own remarks
        detector = build_detector(loaded.detector, num_classes=_NUM_CLASSES, seed=0, weights=None)
    name = f"model {loaded.name}"
    try:
        losses = put_method(detector, method, num_epochs=1)
    except InputError as error:
        return Check(name=name, passed=False, detail=str(error))
    return Check(name=name, passed=True, detail=f"in {len(losses)} box heads")
