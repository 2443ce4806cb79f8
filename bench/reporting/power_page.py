"""What a suite's seeds can tell, as Markdown."""

import math
from collections.abc import Callable, Sequence

from noisyseg.bench.reporting.suite_power import SettingPower, str_of_seed
from noisyseg.results.statistics.power import MOST_SEEDS, Range

HOW = (
    "Two methods are told apart by Student's t of their difference at equal seeds, at 5 % over all "
    "comparisons of a setting together (Bonferroni). In brackets, 95 % intervals."
)
_UNKNOWN = "—"


def power_markdown(settings: Sequence[SettingPower], *, title: str, value_name: str) -> str:
    """A table with a column for each noise setting, and what its lines mean."""
    lines = [
        f"## {title}: what its seeds can tell",
        "",
        f"{value_name}. {HOW}",
        "",
        _row(["", *(setting.noise for setting in settings)]),
        "|" + "|".join([":---", *["---:"] * len(settings)]) + "|",
        *map(_row, power_rows(settings)),
        "",
        *power_remarks(settings),
    ]
    return "\n".join(lines)


def power_rows(settings: Sequence[SettingPower]) -> list[list[str]]:
    """What is told, and it for each setting."""
    return [[name, *map(text, settings)] for name, text in _LINES]


def _counts(setting: SettingPower) -> str:
    layout = setting.layout
    return f"{len(layout.methods)} × {len(layout.seeds)}"


def _number(name: str) -> Callable[[SettingPower], str]:
    return lambda setting: _one(getattr(setting, name))


def _of_spread(name: str) -> Callable[[SettingPower], str]:
    def text(setting: SettingPower) -> str:
        value = None if setting.spread is None else getattr(setting.spread, name)
        return _range(value) if isinstance(value, Range) else _one(value)

    return text


def _reliability(name: str) -> Callable[[SettingPower], str]:
    def text(setting: SettingPower) -> str:
        if setting.spread is None:
            return _UNKNOWN
        value: Range = getattr(setting.spread, name)
        # Of a mean over seeds it can fall without end, below 0: the methods differ by nothing.
        low, middle, high = (max(0.0, number) for number in (value.low, value.value, value.high))
        return f"{middle:.2f} [{low:.2f}, {high:.2f}]"

    return text


def _needed(place: int) -> Callable[[SettingPower], str]:
    def text(setting: SettingPower) -> str:
        if not setting.needed:
            return _UNKNOWN
        need = setting.needed[place]
        low, middle, high = (
            f"over {MOST_SEEDS}" if seeds is None else str(seeds)
            for seeds in (need.low, need.seeds, need.high)
        )
        return f"{middle} [{low}, {high}]"

    return text


_LINES: Sequence[tuple[str, Callable[[SettingPower], str]]] = (
    ("methods × seeds", _counts),
    ("sd of a cell over seeds", _of_spread("cell")),
    ("… by noise seeds alone", _number("sd_noise")),
    ("… by train seeds alone", _number("sd_train")),
    ("… by evaluation images alone", _number("images_cell")),
    ("sd of a difference at equal seeds", _of_spread("difference")),
    ("… of means over the seeds, by evaluation images alone", _number("images_difference")),
    ("sd between methods", _of_spread("between")),
    ("reliability of one seed", _reliability("one_seed")),
    ("reliability of the means", _reliability("all_seeds")),
    ("smallest measured difference told from 0", _number("least_significant")),
    ("smallest true difference seen 8 times of 10", _number("least_seen")),
    ("seeds to see a difference of 1", _needed(0)),
    ("seeds to see a difference of 2", _needed(1)),
    ("seeds to see a difference of 4", _needed(2)),
)


def power_remarks(settings: Sequence[SettingPower]) -> list[str]:
    """What a reader of the rows must know."""
    lines = [
        "Reliability is the share of the variance between methods' numbers that is the methods' "
        "own: 0, seeds alone order the table; 1, they change nothing. More seeds do not lower what "
        "other evaluation images would change."
    ]
    for setting in settings:
        layout = setting.layout
        if not layout.methods:
            lines.append(f"{setting.noise}: no run that is done has this number.")
        elif setting.spread is None:
            lines.append(
                f"{setting.noise}: at least 2 methods with 2 seeds in common are wanted, there are "
                f"{len(layout.methods)} with {len(layout.seeds)}: how much another seed would "
                "change is not known."
            )
        if not math.isnan(setting.sd_noise):
            lines.append(
                f"{setting.noise}: every noise seed is there with every train seed. Such pairs "
                "share seeds, and are counted here as if they did not."
            )
        if layout.left_out:
            left = ", ".join(f"{method} seed {str_of_seed(s)}" for method, s in layout.left_out)
            lines.append(f"{setting.noise}: left out, for not every method has the seed: {left}.")
    return lines


def _range(value: Range) -> str:
    return f"{value.value:.1f} [{value.low:.1f}, {value.high:.1f}]"


def _one(value: float | None) -> str:
    return _UNKNOWN if value is None or math.isnan(value) else f"{value:.1f}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
