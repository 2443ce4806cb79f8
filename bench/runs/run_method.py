"""A run's method: that it is the planned one, and in its detector's box heads."""

import torch
from torch import nn

from noisyseg.bench.runs.noise_matrix import realised_matrix
from noisyseg.bench.runs.run import Run
from noisyseg.bench.runs.wrong_labels import wrong_labels
from noisyseg.bench.training.box_heads import put_method, watch_besides
from noisyseg.bench.training.class_loss import MethodLoss
from noisyseg.bench.training.threshold import threshold_of
from noisyseg.errors import InputError
from noisyseg.methods.method import ResolvedMethod
from noisyseg.methods.plugins import load_method
from noisyseg.methods.registry import TAKEN, resolve


def put_run_method(run: Run, detector: nn.Module) -> list[MethodLoss]:
    """The run's method in the detector's box heads, and observers beside it.

    These alone are told which labels are wrong. One counts by the run's own threshold, the others
    by those of runs that begin from what this one leaves.
    """
    spec = run.spec
    method = planned_method(run)
    classes = spec["data"]["classes"]
    wrong = wrong_labels(run.manifest, classes)
    losses = put_method(
        detector,
        method,
        num_epochs=spec["protocol"]["epochs"],
        noise_matrix=torch.tensor(realised_matrix(run.manifest, classes), dtype=torch.float64),
        at_work=True,
        wrong_labels=wrong,
    )
    others = {leaf.threshold for leaf in run.leaves} - {threshold_of(method)}
    watch_besides(losses, sorted(others), wrong)
    return losses


def planned_method(run: Run) -> ResolvedMethod:
    """The run's method, as it was when the run was planned.

    Raises:
        InputError: this machine, or this hour, has another one by that name.
    """
    planned = run.spec["method"]
    own = {}
    if run.method_source is not None:
        own[planned["name"]] = load_method(run.method_source, taken=TAKEN)
    method = resolve(planned["name"], planned["parameters"], own=own)
    if method.spec() != planned:
        raise InputError(
            f"method {method.name!r} is another here than when the run was planned: wanted "
            f"{planned}, got {method.spec()} ({method.method.origin}). Have the same version "
            "everywhere, and run the suite again."
        )
    return method
