"""Kind and rate of a suite's noise settings, which order its figures and head its columns."""

from collections import Counter
from collections.abc import Sequence

from noisyseg.bench.runs.run import Run


def noise_rates(runs: Sequence[Run]) -> dict[str, tuple[str, float] | None]:
    """Noise label → its kind and rate; None for clean. Noise of several steps has no one rate."""
    rates: dict[str, tuple[str, float] | None] = {}
    for run in runs:
        noise = run.spec["noise"]
        if noise is None:
            rates[run.noise_label] = None
        elif len(noise["steps"]) == 1 and "rate" in noise["steps"][0]:
            step = noise["steps"][0]
            rates[run.noise_label] = (step["type"], float(step["rate"]))
    return rates


def column_groups(runs: Sequence[Run]) -> dict[str, tuple[str, float]]:
    """Noise label → its kind and rate, of those whose kind and rate no other setting has."""
    rates = {label: entry for label, entry in noise_rates(runs).items() if entry is not None}
    times = Counter(rates.values())
    return {label: entry for label, entry in rates.items() if times[entry] == 1}
