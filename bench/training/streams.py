"""Seeds for everything random in a training, each from (train seed, purpose, number) alone."""

import hashlib


def stream_seed(train_seed: int, purpose: str, *numbers: int) -> int:
    """A 63-bit seed: the first eight bytes of SHA-256("train seed/purpose/number/…"), halved."""
    text = "/".join([str(train_seed), purpose, *map(str, numbers)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
