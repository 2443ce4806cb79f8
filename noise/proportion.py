"""A proportion and how far it is known."""

import math


def binomial_interval(successes: int, trials: int) -> list[float] | None:
    """Wilson's 95 % interval of a proportion, [low, high]; None for no trials.

    >>> [round(end, 3) for end in binomial_interval(8, 10)]
    [0.49, 0.943]
    """
    if not trials:
        return None
    z = 1.959963984540054
    share = successes / trials
    middle = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    low = (middle - spread) / scale if successes else 0.0  # exact where rounding would not be
    high = (middle + spread) / scale if successes < trials else 1.0
    return [low, high]
