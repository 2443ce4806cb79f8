"""A method of your own, in one file: Taylor cross entropy (Feng et al., IJCAI 2020).

noisyseg methods check examples/my_method.py:taylor_ce
noisyseg run quick --methods ce,taylor_ce --method-file examples/my_method.py:taylor_ce
"""

from noisyseg.methods.probabilities import log_probabilities, of_labels

paper = "Feng et al., Can Cross Entropy Loss Be Robust to Label Noise?, IJCAI 2020"


def taylor_ce(logits, labels, *, order: float = 2):
    """Taylor series of cross entropy around p = 1, cut off after some terms.

    Args:
        logits: RoI class scores, shape (N, K+1), background last; raw, of any floating type.
        labels: class index per RoI, shape (N,); K is background.
        order: number of terms: 1 is half the absolute error, ever more come near cross entropy.

    Returns:
        Loss per RoI, shape (N,). noisyseg weighs and sums it as mmdet does with cross entropy.
    """
    if order < 1 or order != int(order):
        raise ValueError(f"order must be a whole number of at least 1, got {order}")
    # These helpers go up to float32 where training runs in half precision.
    missing = 1 - of_labels(log_probabilities(logits), labels).exp()
    return sum(missing**power / power for power in range(1, int(order) + 1))
