"""What a table says of its own seeds: which differences they can show, and whether any is there."""

from collections.abc import Sequence

from noisyseg.bench.reporting.setting_power import SettingPower, from_to


def seeds_note(settings: Sequence[SettingPower]) -> str | None:
    """From which difference on two methods are told apart; None where there is but one method."""
    several = [setting for setting in settings if len(setting.methods) > 1]
    if not several:
        return None
    known = [setting for setting in several if setting.significant is not None]
    told = ", ".join(f"{setting.noise} {_from(setting)} ({_counts(setting)})" for setting in known)
    lines = []
    if known:
        lines.append(
            "What these seeds can tell (at equal seeds, 5 % over all pairs of methods of a "
            f"column): two methods' means are told apart from a difference of: {told}."
        )
    for reason in dict.fromkeys(setting.silence for setting in several if setting.silence):
        silent = ", ".join(setting.noise for setting in several if setting.silence == reason)
        lines.append(f"Which method is better at {silent}: {reason}.")
    return " ".join(lines)


def caption_remark(settings: Sequence[SettingPower]) -> str:
    """Which columns show no difference that their seeds can tell from 0; empty if there is none."""
    equal = [s.noise for s in settings if s.significant is not None and not s.apart]
    return f"No two methods are told apart by these seeds at {', '.join(equal)}." if equal else ""


def _from(setting: SettingPower) -> str:
    """Numbers are percentages: above 100 there is no difference."""
    ends = setting.significant
    return "none that is possible" if ends is not None and ends[0] > 100 else from_to(ends)


def _counts(setting: SettingPower) -> str:
    shared = [pair.seeds for pair in setting.differences.known]
    seeds = str(min(shared)) if min(shared) == max(shared) else f"{min(shared)} to {max(shared)}"
    return f"{len(setting.methods)} methods, {seeds} seeds in common"
