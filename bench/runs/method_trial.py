"""A method tried before any run: on batches of RoIs, and in a model's box heads."""

import os
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.config.model import load_model
from noisyseg.bench.runs.process_output import output_to
from noisyseg.bench.training.stack import load_stack
from noisyseg.contract import Check
from noisyseg.errors import InputError
from noisyseg.located_yaml import read_yaml
from noisyseg.methods.contract.checks import CHECKS
from noisyseg.methods.contract.verdict import check_contract
from noisyseg.methods.method import ResolvedMethod
from noisyseg.methods.plugins import installed_method, installed_names
from noisyseg.methods.registry import TAKEN, named

_NUM_CLASSES = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What was tried of a method.

    Attributes:
        untried: checks that need a loss per RoI, where there is none.
    """

    method: ResolvedMethod
    checks: list[Check]
    untried: int


def try_method(text: str, *, model: str | None = None) -> Trial:
    """Try the method that a command line names, with its defaults.

    Args:
        text: a name, or `path.py:name`.
        model: whose box heads shall take it, too: a shipped model's name, or a YAML file.

    Raises:
        InputError: there is no such method or model, or it cannot be loaded.
    """
    if text in installed_names():
        # Under a built-in's name, too: whoever installed it must hear that it is not used.
        installed_method(text, TAKEN)
    method = named(text)
    checks = check_contract(method)
    untried = len(set(CHECKS) - {check.name for check in checks})
    if model is not None:
        checks.append(_on_model(method, model))
    return Trial(method=method, checks=checks, untried=untried)


def _on_model(method: ResolvedMethod, model: str) -> Check:
    """Whether the model's box heads can take the method.

    Raises:
        InputError: there is no such model, or mmdet cannot build it.
    """
    load_stack()
    from noisyseg.bench.training.box_heads import put_method
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
