"""From which cross entropy on a run's log counts a RoI as potentially noisy (PON)."""

from noisyseg.methods.method import ResolvedMethod
from noisyseg.results.records.loss_at_work import PAPERS_THRESHOLD


def threshold_of(method: ResolvedMethod) -> float:
    """In nats: the paper's threshold, or gamma of `lncis` and its kin, which go by it.

    Any other method's gamma is something of its own: a focal loss has one, too.
    """
    own = method.method.file_sha256 is not None
    isolating = method.name == "lncis" or method.name.startswith("split(")
    if own or not isolating:
        return PAPERS_THRESHOLD
    return float(method.parameters["gamma"])
