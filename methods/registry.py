"""The methods by name, and their parameters checked and filled in."""

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch

from noisyseg.errors import InputError, unknown_name
from noisyseg.methods.active_passive import active_passive
from noisyseg.methods.bootstrapping import hard_bootstrapping, soft_bootstrapping
from noisyseg.methods.context import LossContext
from noisyseg.methods.cross_entropy import cross_entropy
from noisyseg.methods.early_learning import EarlyLearning
from noisyseg.methods.foreground_split import split
from noisyseg.methods.generalized_cross_entropy import generalized_cross_entropy
from noisyseg.methods.jensen_shannon import generalized_jensen_shannon
from noisyseg.methods.joint_optimization import JointOptimization
from noisyseg.methods.label_smoothing import label_smoothing
from noisyseg.methods.lncis import lncis
from noisyseg.methods.loss_correction import BackwardCorrection, ForwardCorrection
from noisyseg.methods.mean_absolute_error import mean_absolute_error
from noisyseg.methods.method import Method, ResolvedMethod, Value
from noisyseg.methods.small_loss import small_loss
from noisyseg.methods.symmetric_cross_entropy import (
    reverse_cross_entropy,
    symmetric_cross_entropy,
)

_PATRINI = (
    "Patrini et al., Making Deep Neural Networks Robust to Label Noise: a Loss Correction "
    "Approach, CVPR 2017"
)
_REED = (
    "Reed et al., Training Deep Neural Networks on Noisy Labels with Bootstrapping, ICLR 2015 "
    "workshop"
)
_METHODS = (
    Method(
        name="ce",
        version=1,
        definition=cross_entropy,
        paper="He et al., Mask R-CNN, ICCV 2017",
        summary="Cross entropy, the baseline.",
    ),
    Method(
        name="lsr",
        version=1,
        definition=label_smoothing,
        paper="Szegedy et al., Rethinking the Inception Architecture for Computer Vision, "
        "CVPR 2016",
        summary="Cross entropy against labels smoothed over all classes.",
    ),
    Method(
        name="jol",
        version=2,
        definition=JointOptimization,
        paper="Tanaka et al., Joint Optimization Framework for Learning with Noisy Labels, "
        "CVPR 2018",
        summary="Labels updated by the network's own predictions; class prior and entropy terms.",
    ),
    Method(
        name="gce",
        version=1,
        definition=generalized_cross_entropy,
        paper="Zhang & Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks "
        "with Noisy Labels, NeurIPS 2018",
        summary="Between cross entropy (q -> 0) and absolute error (q = 1).",
    ),
    Method(
        name="sce",
        version=1,
        definition=symmetric_cross_entropy,
        paper="Wang et al., Symmetric Cross Entropy for Robust Learning with Noisy Labels, "
        "ICCV 2019",
        summary="Weighted sum of cross entropy and reverse cross entropy.",
    ),
    Method(
        name="lncis",
        version=1,
        definition=lncis,
        paper="Yang et al., Learning with Noisy Class Labels for Instance Segmentation, ECCV 2020",
        summary="Cross entropy first; then a loss for each kind of sample.",
    ),
    Method(
        name="mae",
        version=1,
        definition=mean_absolute_error,
        paper="Ghosh et al., Robust Loss Functions under Label Noise for Deep Neural Networks, "
        "AAAI 2017",
        summary="Absolute error of the predicted distribution.",
    ),
    Method(
        name="rce",
        version=1,
        definition=reverse_cross_entropy,
        paper="Wang et al., Symmetric Cross Entropy for Robust Learning with Noisy Labels, "
        "ICCV 2019",
        summary="Reverse cross entropy alone; a multiple of mae.",
    ),
    Method(
        name="nce-rce",
        version=1,
        definition=active_passive,
        paper="Ma et al., Normalized Loss Functions for Deep Learning with Noisy Labels, ICML 2020",
        summary="Weighted sum of normalised cross entropy and reverse cross entropy.",
    ),
    Method(
        name="gjs",
        version=1,
        definition=generalized_jensen_shannon,
        paper="Englesson & Azizpour, Generalized Jensen-Shannon Divergence Loss for Learning with "
        "Noisy Labels, NeurIPS 2021",
        summary="Divergence of the label and the predictions of all RoIs of an object.",
    ),
    Method(
        name="bootstrap-hard",
        version=1,
        definition=hard_bootstrapping,
        paper=_REED,
        summary="Cross entropy against the label mixed with the predicted class.",
    ),
    Method(
        name="bootstrap-soft",
        version=1,
        definition=soft_bootstrapping,
        paper=_REED,
        summary="Cross entropy against the label mixed with the predicted probabilities.",
    ),
    Method(
        name="small-loss",
        version=1,
        definition=small_loss,
        paper="Han et al., Co-teaching: Robust Training of Deep Neural Networks with Extremely "
        "Noisy Labels, NeurIPS 2018",
        summary="Cross entropy of each batch's positive RoIs with the smallest loss.",
    ),
    Method(
        name="forward",
        version=1,
        definition=ForwardCorrection,
        paper=_PATRINI,
        summary="Predictions turned into noisy ones by a transition matrix before cross entropy.",
    ),
    Method(
        name="backward",
        version=1,
        definition=BackwardCorrection,
        paper=_PATRINI,
        summary="Losses of all classes weighted by the inverse of a transition matrix.",
    ),
    Method(
        name="elr",
        version=1,
        definition=EarlyLearning,
        paper="Liu et al., Early-Learning Regularization Prevents Memorization of Noisy Labels, "
        "NeurIPS 2020",
        summary="Cross entropy held to a running mean of earlier predictions, one an annotation.",
    ),
)

_SPLIT = (
    ("gce", generalized_cross_entropy),
    ("mae", mean_absolute_error),
    ("sce", symmetric_cross_entropy),
    ("nce-rce", active_passive),
    ("gjs", generalized_jensen_shannon),
)
_METHODS += tuple(
    Method(
        name=f"split({name})",
        version=1,
        definition=split(robust),
        paper="Yang et al., Learning with Noisy Class Labels for Instance Segmentation, ECCV 2020, "
        f"with another robust loss ({name})",
        summary=f"LNCIS with {name} in the place of reverse cross entropy.",
    )
    for name, robust in _SPLIT
)

METHODS: dict[str, Method] = {method.name: method for method in _METHODS}
ALIASES: dict[str, str] = {"ours": "lncis"}


def resolve(name: str, parameters: Mapping[str, Any], where: str = "") -> ResolvedMethod:
    """The method of a name or alias, with every parameter checked and filled in.

    Args:
        name: a key of `METHODS` or `ALIASES`.
        parameters: values by parameter name; those left out take their default. Whole numbers
            become floats, so that 1 and 1.0 give the same run key.
        where: the place they came from (file and line), put before messages.

    Raises:
        InputError: a name that is not known, or a value that is no number or out of range.
    """
    canonical = ALIASES.get(name, name) if isinstance(name, str) else name
    if not isinstance(canonical, str) or canonical not in METHODS:
        raise unknown_name("method", name, [*METHODS, *ALIASES], where)
    method = METHODS[canonical]
    place = f"{where}: " if where else ""
    if not isinstance(parameters, Mapping):
        raise InputError(
            f"{place}parameters of method {method.name!r} must be a mapping of names to numbers, "
            f"got {parameters!r}."
        )
    values = dict(method.defaults)
    for key, value in parameters.items():
        if not values:
            raise InputError(f"{place}method {method.name!r} has no parameters, got {key!r}.")
        if key not in values:
            raise unknown_name(f"parameter of method {method.name!r}", key, values, where)
        what = f"{place}parameter {key!r} of method {method.name!r}"
        values[key] = _checked(value, values[key], what)
    resolved = ResolvedMethod(method=method, parameters=values)
    _check_ranges(resolved, place)
    return resolved


def _checked(value: Any, default: Value, what: str) -> Value:
    """The value, if it is of its default's kind."""
    if isinstance(default, bool):
        return _switch(value, what)
    if isinstance(default, str):
        return _word(value, what)
    return _number(value, what)


def _number(value: Any, what: str) -> float:
    number = math.nan
    if isinstance(value, Real) and not isinstance(value, bool):  # Python counts True as a Real
        try:
            number = float(value)
        except OverflowError:  # an int beyond float's range
            number = math.inf
    if not math.isfinite(number):
        raise InputError(f"{what} must be a finite number, got {value!r}.")
    return number + 0.0  # -0.0 would give another run key than 0.0


def _switch(value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{what} must be true or false, got {value!r}.")
    return value


def _word(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{what} must be a word, got {value!r}.")
    return value


def _check_ranges(resolved: ResolvedMethod, place: str) -> None:
    """Let the method's own checks speak, by its loss of one RoI."""
    ctx = LossContext(
        num_classes=2,
        epoch=0,
        num_epochs=1,
        weights=torch.ones(1),
        annotation_ids=torch.zeros(1, dtype=torch.long),
        noise_matrix=torch.eye(2),
    )
    try:
        resolved.start().loss(torch.zeros(1, 3), torch.zeros(1, dtype=torch.long), ctx)
    except ValueError as error:
        raise InputError(f"{place}method {resolved.name!r}: {error}.") from error
