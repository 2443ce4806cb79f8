"""A method put into a model's box heads, before any run has both."""

import os
from pathlib import Path

from noisyseg.bench.config.model import load_model
from noisyseg.bench.runs.process_output import output_to
from noisyseg.bench.training.stack import load_stack
from noisyseg.errors import InputError
from noisyseg.located_yaml import read_yaml
from noisyseg.methods.contract.verdict import Check
from noisyseg.methods.method import ResolvedMethod

_NUM_CLASSES = 2


def check_on_model(method: ResolvedMethod, model: str) -> Check:
    """Whether a model's box heads can take the method.

    Args:
        method: to put in the place of their class loss.
        model: a shipped model's name, or the path of a YAML file.
    Raises:
        InputError: there is no such model, or mmdet cannot be brought up.
    """
    load_stack()
    from noisyseg.bench.training.class_loss import put_method
    from noisyseg.bench.training.detector import build_detector

    source = read_yaml(Path(model)) if model.endswith((".yaml", ".yml")) else model
    loaded = load_model(source, where="--model", root=Path(), random_weights=True)
    with output_to(Path(os.devnull)):
        detector = build_detector(loaded.detector, num_classes=_NUM_CLASSES, seed=0, weights=None)
    name = f"model {loaded.name}"
    try:
        losses = put_method(detector, method, num_epochs=1)
    except InputError as error:
        return Check(name=name, passed=False, detail=str(error))
    return Check(name=name, passed=True, detail=f"in {len(losses)} box heads")
