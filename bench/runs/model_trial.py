"""Whether a model's box heads can take a method, tried with no data."""

import os
from pathlib import Path

from noisyseg.bench.config.model import load_model
from noisyseg.bench.runs.process_output import output_to
from noisyseg.bench.training.stack import load_stack
from noisyseg.errors import InputError
from noisyseg.located_yaml import read_yaml
from noisyseg.methods.method import ResolvedMethod

_NUM_CLASSES = 2


def box_heads_with(method: ResolvedMethod, model: str) -> tuple[str, int | InputError]:
    """Put the method into a model's box heads.

    Args:
        method: with its parameters.
        model: a shipped model's name, or a YAML file.

    Returns:
        The model's name; and how many box heads took the method, or why they cannot.

    Raises:
        InputError: there is no such model, or mmdet cannot build it.
    """
    load_stack()
    from noisyseg.bench.training.class_loss import put_method
    from noisyseg.bench.training.detector import build_detector

    source = read_yaml(Path(model)) if model.endswith((".yaml", ".yml")) else model
    loaded = load_model(source, where="--model", root=Path(), random_weights=True)
    with output_to(Path(os.devnull)):  # mmdet's own remarks
        detector = build_detector(loaded.detector, num_classes=_NUM_CLASSES, seed=0, weights=None)
    try:
        return loaded.name, len(put_method(detector, method, num_epochs=1))
    except InputError as error:
        return loaded.name, error
