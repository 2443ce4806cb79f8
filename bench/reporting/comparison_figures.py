"""A comparison's figures: a critical-difference diagram a setting, and all settings at once."""

from collections.abc import Mapping, Sequence
from functools import partial

from noisyseg.bench.reporting.across_settings import AcrossSettings
from noisyseg.bench.reporting.figures import file_names
from noisyseg.bench.reporting.setting_comparison import SettingComparison
from noisyseg.results.figures.across_settings import means_figure, profiles_figure
from noisyseg.results.figures.critical_difference import critical_difference_figure
from noisyseg.results.figures.style import rendered

_AP = "Mask AP (%)"


def comparison_figures(
    settings: Mapping[str, SettingComparison],
    across: AcrossSettings | None,
    formats: Sequence[str],
    *,
    title: str,
) -> dict[str, bytes]:
    """File name → content.

    Args:
        settings: name → what was compared there.
        across: over all of them; None for fewer than two.
        formats: of the files, of `results.figures.style.FORMATS`.
        title: names of the suites, with which files' names and figures' titles begin.
    """
    (beginning,) = file_names([title]).values()
    endings = file_names(list(settings))
    made = {
        f"critical-difference-{endings[name]}": partial(
            critical_difference_figure, setting.ranking, _title(title, name, setting), _AP
        )
        for name, setting in settings.items()
    }
    if across is not None:
        over = f"{title}, over {', '.join(across.tasks)}"
        unit = f"mask AP (% of {across.baseline}'s mean at the setting)"
        made |= {
            "interquartile-means": partial(
                means_figure,
                across.aggregates,
                f"Interquartile mean with 95 % interval: {over}",
                unit,
                baseline=across.baseline,
            ),
            "performance-profiles": partial(
                profiles_figure,
                across.aggregates,
                across.thresholds,
                f"Performance profiles: {over}; dashed: {across.baseline}",
                unit,
                baseline=across.baseline,
            ),
        }
    return {
        f"{beginning}-{name}.{kind}": content
        for name, make in made.items()
        for kind, content in rendered(make, formats).items()
    }


def _title(suites: str, name: str, setting: SettingComparison) -> str:
    many = f"{setting.ranking.comparisons} pairs, Holm"
    of = "one seed: of these trained networks alone" if setting.one_seed else "seeds and images"
    return f"{suites}, {name}: methods that share no bar are told apart ({many}; {of})"
