"""What a table says of its own seeds: which differences they can show, and whether any is there."""

from collections.abc import Sequence

from noisyseg.bench.reporting.suite_power import SettingPower


def seeds_note(settings: Sequence[SettingPower]) -> str | None:
    """From which difference on two methods are told apart; None where no spread is known."""
    known = [setting for setting in settings if setting.spread is not None]
    if not known:
        return None
    told = ", ".join(
        f"{setting.noise} {setting.least_significant:.1f} ({len(setting.layout.methods)} methods, "
        f"{len(setting.layout.seeds)} seeds)"
        for setting in known
    )
    return (
        "What these seeds can tell (at equal seeds, 5 % over all pairs of methods of a column): "
        f"two methods' means are told apart from a difference of: {told}."
    )


def caption_remark(settings: Sequence[SettingPower]) -> str:
    """Which columns show no difference that their seeds can tell from 0; empty if there is none."""
    equal = [
        setting.noise
        for setting in settings
        if setting.spread is not None and _widest(setting) <= setting.least_significant
    ]
    return f"No two methods are told apart by these seeds at {', '.join(equal)}." if equal else ""


def _widest(setting: SettingPower) -> float:
    means = setting.layout.values.mean(axis=1)
    return float(means.max() - means.min())
