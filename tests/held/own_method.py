"""A method of a user's own: its key holds the SHA-256 of this file."""

from noisyseg.methods.probabilities import log_probabilities, of_labels


def squared_error(logits, labels, *, power: float = 2):
    """What the given label's probability lacks, to a power."""
    return (1 - of_labels(log_probabilities(logits), labels).exp()) ** power
