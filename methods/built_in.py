"""The methods that noisyseg has of its own, in the order in which they are listed.

A new one is a file in `losses` and an entry here, beside its test. The entry says again which
parameters the file has, so that lists and run keys need not import torch; a test compares them.
"""

from noisyseg.methods.context import ANNOTATION_IDS
from noisyseg.methods.method import Method
from noisyseg.methods.stages import Beginning

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
        definition="cross_entropy:cross_entropy",
        paper="He et al., Mask R-CNN, ICCV 2017",
        summary="Cross entropy, the baseline.",
    ),
    Method(
        name="lsr",
        version=1,
        definition="label_smoothing:label_smoothing",
        parameters={"epsilon": 0.1},
        paper="Szegedy et al., Rethinking the Inception Architecture for Computer Vision, "
        "CVPR 2016",
        summary="Cross entropy against labels smoothed over all classes.",
    ),
    Method(
        name="jol",
        version=3,
        definition="joint_optimization:JointOptimization",
        first_stage="start",
        parameters={
            "alpha": 0.8,
            "beta": 1.2,
            "relabel": True,
            "start": 0.35,
            "soft": True,
            "prior": "uniform",
        },
        needs=(ANNOTATION_IDS,),
        paper="Tanaka et al., Joint Optimization Framework for Learning with Noisy Labels, "
        "CVPR 2018",
        summary="Labels updated by the network's own predictions; class prior and entropy terms.",
    ),
    Method(
        name="gce",
        version=1,
        definition="generalized_cross_entropy:generalized_cross_entropy",
        parameters={"q": 0.3},
        paper="Zhang & Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks "
        "with Noisy Labels, NeurIPS 2018",
        summary="Between cross entropy (q -> 0) and absolute error (q = 1).",
    ),
    Method(
        name="sce",
        version=1,
        definition="symmetric_cross_entropy:symmetric_cross_entropy",
        parameters={"alpha": 1.0, "beta": 0.1, "log_zero": -4.0, "convention": "paper"},
        paper="Wang et al., Symmetric Cross Entropy for Robust Learning with Noisy Labels, "
        "ICCV 2019",
        summary="Weighted sum of cross entropy and reverse cross entropy.",
    ),
    Method(
        name="lncis",
        version=1,
        later=(("convention", "lncis-code", 2),),
        definition="lncis:lncis",
        first_stage="e1",
        begins_as=Beginning(method="ce", until="e1", when="stage_wise"),
        parameters={
            "gamma": 6.0,
            "log_zero": -4.0,
            "e1": 0.5,
            "stage_wise": True,
            "negatives": True,
            "pseudo_negatives": True,
            "isolate": True,
            "convention": "paper",
        },
        paper="Yang et al., Learning with Noisy Class Labels for Instance Segmentation, ECCV 2020",
        summary="Cross entropy first; then a loss for each kind of sample.",
    ),
    Method(
        name="mae",
        version=1,
        definition="mean_absolute_error:mean_absolute_error",
        paper="Ghosh et al., Robust Loss Functions under Label Noise for Deep Neural Networks, "
        "AAAI 2017",
        summary="Absolute error of the predicted distribution.",
    ),
    Method(
        name="rce",
        version=1,
        definition="symmetric_cross_entropy:reverse_cross_entropy",
        parameters={"log_zero": -4.0},
        paper="Wang et al., Symmetric Cross Entropy for Robust Learning with Noisy Labels, "
        "ICCV 2019",
        summary="Reverse cross entropy alone; a multiple of mae.",
    ),
    Method(
        name="nce-rce",
        version=1,
        definition="active_passive:active_passive",
        parameters={"alpha": 1.0, "beta": 1.0, "log_zero": -4.0},
        paper="Ma et al., Normalized Loss Functions for Deep Learning with Noisy Labels, ICML 2020",
        summary="Weighted sum of normalised cross entropy and reverse cross entropy; with many "
        "classes take alpha 10, beta 0.1.",
    ),
    Method(
        name="gjs",
        version=1,
        definition="jensen_shannon:generalized_jensen_shannon",
        parameters={"pi": 0.5},
        needs=(ANNOTATION_IDS,),
        paper="Englesson & Azizpour, Generalized Jensen-Shannon Divergence Loss for Learning with "
        "Noisy Labels, NeurIPS 2021",
        summary="Divergence of the label and the predictions of all RoIs of an object.",
    ),
    Method(
        name="bootstrap-hard",
        version=1,
        definition="bootstrapping:hard_bootstrapping",
        parameters={"beta": 0.8},
        paper=_REED,
        summary="Cross entropy against the label mixed with the predicted class.",
    ),
    Method(
        name="bootstrap-soft",
        version=1,
        definition="bootstrapping:soft_bootstrapping",
        parameters={"beta": 0.95},
        paper=_REED,
        summary="Cross entropy against the label mixed with the predicted probabilities.",
    ),
    Method(
        name="small-loss",
        version=2,
        definition="small_loss:small_loss",
        parameters={"forget": 0.2, "ramp": 0.05},
        paper="Han et al., Co-teaching: Robust Training of Deep Neural Networks with Extremely "
        "Noisy Labels, NeurIPS 2018",
        summary="Cross entropy of each batch's positive RoIs with the smallest loss.",
    ),
    Method(
        name="forward",
        version=2,
        later=(("matrix", "estimated", 3),),
        definition="loss_correction:ForwardCorrection",
        parameters={"matrix": "estimated", "warmup": 0.5, "percentile": 97.0},
        first_stage="warmup",
        paper=_PATRINI,
        summary="Predictions turned into noisy ones by a transition matrix before cross entropy.",
    ),
    Method(
        name="backward",
        version=2,
        later=(("matrix", "estimated", 3),),
        definition="loss_correction:BackwardCorrection",
        parameters={"matrix": "estimated", "warmup": 0.5, "percentile": 97.0},
        first_stage="warmup",
        paper=_PATRINI,
        summary="Losses of all classes weighted by the inverse of a transition matrix.",
    ),
    Method(
        name="elr",
        version=1,
        definition="early_learning:EarlyLearning",
        parameters={"lam": 3.0, "beta": 0.7},
        needs=(ANNOTATION_IDS,),
        paper="Liu et al., Early-Learning Regularization Prevents Memorization of Noisy Labels, "
        "NeurIPS 2020",
        summary="Cross entropy held to a running mean of earlier predictions, one an annotation; "
        "with many classes take lam 7, beta 0.9.",
    ),
)

_PAPERS = {method.name: method for method in _FROM_PAPERS}
_ROBUST = ("gce", "mae", "sce", "nce-rce", "gjs")
_SPLITS = tuple(
    Method(
        name=f"split({name})",
        version=1,
        definition=f"foreground_split:split_{name.replace('-', '_')}",
        parameters={"gamma": 6.0, "e1": 0.5, "isolate": True, **_PAPERS[name].parameters},
        first_stage="e1",
        begins_as=Beginning(method="ce", until="e1"),
        needs=_PAPERS[name].needs,
        paper="Yang et al., Learning with Noisy Class Labels for Instance Segmentation, ECCV 2020, "
        f"with another robust loss ({name})",
        summary=f"LNCIS with {name} in the place of reverse cross entropy.",
    )
    for name in _ROBUST
)

METHODS: dict[str, Method] = {**_PAPERS, **{method.name: method for method in _SPLITS}}
# Brackets want quotes in a shell.
ALIASES: dict[str, str] = {
    "ours": "lncis",
    **{f"split-{name}": f"split({name})" for name in _ROBUST},
}
