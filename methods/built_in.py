"""The methods that noisyseg has of its own, in the order in which they are listed."""

from noisyseg.methods.losses.active_passive import active_passive
from noisyseg.methods.losses.bootstrapping import hard_bootstrapping, soft_bootstrapping
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.early_learning import EarlyLearning
from noisyseg.methods.losses.foreground_split import split
from noisyseg.methods.losses.generalized_cross_entropy import generalized_cross_entropy
from noisyseg.methods.losses.jensen_shannon import generalized_jensen_shannon
from noisyseg.methods.losses.joint_optimization import JointOptimization
from noisyseg.methods.losses.label_smoothing import label_smoothing
from noisyseg.methods.losses.lncis import lncis
from noisyseg.methods.losses.loss_correction import BackwardCorrection, ForwardCorrection
from noisyseg.methods.losses.mean_absolute_error import mean_absolute_error
from noisyseg.methods.losses.small_loss import small_loss
from noisyseg.methods.losses.symmetric_cross_entropy import (
    reverse_cross_entropy,
    symmetric_cross_entropy,
)
from noisyseg.methods.method import Method

_PATRINI = (
    "Patrini et al., Making Deep Neural Networks Robust to Label Noise: a Loss Correction "
    "Approach, CVPR 2017"
)
_REED = (
    "Reed et al., Training Deep Neural Networks on Noisy Labels with Bootstrapping, ICLR 2015 "
    "workshop"
)
_FROM_PAPERS = (
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
        version=3,
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
        later=(("convention", "lncis-code", 2),),
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
        summary="Weighted sum of normalised cross entropy and reverse cross entropy; with many "
        "classes take alpha 10, beta 0.1.",
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
        version=2,
        definition=small_loss,
        paper="Han et al., Co-teaching: Robust Training of Deep Neural Networks with Extremely "
        "Noisy Labels, NeurIPS 2018",
        summary="Cross entropy of each batch's positive RoIs with the smallest loss.",
    ),
    Method(
        name="forward",
        version=2,
        later=(("matrix", "estimated", 3),),
        definition=ForwardCorrection,
        paper=_PATRINI,
        summary="Predictions turned into noisy ones by a transition matrix before cross entropy.",
    ),
    Method(
        name="backward",
        version=2,
        later=(("matrix", "estimated", 3),),
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
        summary="Cross entropy held to a running mean of earlier predictions, one an annotation; "
        "with many classes take lam 7, beta 0.9.",
    ),
)

_SPLIT = (
    ("gce", generalized_cross_entropy),
    ("mae", mean_absolute_error),
    ("sce", symmetric_cross_entropy),
    ("nce-rce", active_passive),
    ("gjs", generalized_jensen_shannon),
)
_SPLITS = tuple(
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

METHODS: dict[str, Method] = {method.name: method for method in (*_FROM_PAPERS, *_SPLITS)}
# Brackets want quotes in a shell.
ALIASES: dict[str, str] = {
    "ours": "lncis",
    **{f"split-{name}": f"split({name})" for name, _ in _SPLIT},
}
