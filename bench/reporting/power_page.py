"""What a suite's seeds can tell, as Markdown."""

import math
from collections.abc import Callable, Sequence

from noisyseg.bench.reporting.setting_power import SettingPower, from_to, str_of_seed
from noisyseg.number_text import decimal
from noisyseg.results.report.page import NONE
from noisyseg.results.statistics.power import MOST_SEEDS
from noisyseg.results.statistics.spread import Range

HOW = (
    "Two methods are told apart by Student's t of their difference at equal seeds, its spread "
    "moderated by those of all pairs (Smyth 2004), at 5 % over all comparisons of a setting "
    "together (Bonferroni). In brackets, 95 % intervals."
)


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
        *power_lines(settings),
    ]
    return "\n".join(lines)


def power_rows(settings: Sequence[SettingPower]) -> list[list[str]]:
    """What is told, and it for each setting."""
    return [[name, *map(text, settings)] for name, text in _LINES]


def _counts(setting: SettingPower) -> str:
    layout = setting.layout
    return f"{len(layout.methods)} × {len(layout.seeds)}" if layout.methods else NONE


def _comparisons(setting: SettingPower) -> str:
    pairs = setting.differences
    if not pairs.pairs:
        return NONE
    known = "" if len(pairs.known) == pairs.pairs else f", {len(pairs.known)} can be tested"
    return f"{pairs.pairs} ({len(setting.apart)} told apart{known})"


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
            return NONE
        value: Range = getattr(setting.spread, name)
        # Of a mean over seeds it can fall without end, below 0: the methods differ by nothing.
        low, middle, high = (max(0.0, number) for number in (value.low, value.value, value.high))
        return f"{decimal(middle, 2)} [{decimal(low, 2)}, {decimal(high, 2)}]"

    return text


def _needed(place: int) -> Callable[[SettingPower], str]:
    def text(setting: SettingPower) -> str:
        if not setting.needed:
            return NONE
        need = setting.needed[place]
        low, middle, high = (
            f"over {MOST_SEEDS}" if seeds is None else str(seeds)
            for seeds in (need.low, need.seeds, need.high)
        )
        return f"{middle} [{low}, {high}]"

    return text


_LINES: Sequence[tuple[str, Callable[[SettingPower], str]]] = (
    ("methods × seeds", _counts),
    ("sd of a cell over seeds", _number("cell")),
    ("… by noise seeds alone", _number("sd_noise")),
    ("… by train seeds alone", _number("sd_train")),
    ("… by neither", _number("sd_rest")),
    ("… by evaluation images alone", _number("images_cell")),
    ("sd of a difference at equal seeds", _of_spread("difference")),
    ("… of means over the seeds, by evaluation images alone", _number("images_difference")),
    ("sd between methods", _of_spread("between")),
    ("reliability of one seed", _reliability("one_seed")),
    ("reliability of the means", _reliability("all_seeds")),
    ("comparisons", _comparisons),
    ("smallest measured difference told from 0", lambda setting: from_to(setting.significant)),
    ("smallest true difference seen 8 times of 10", lambda setting: from_to(setting.seen)),
    ("seeds to see a difference of 1", _needed(0)),
    ("seeds to see a difference of 2", _needed(1)),
    ("seeds to see a difference of 4", _needed(2)),
)


def power_lines(settings: Sequence[SettingPower]) -> list[str]:
    """What a reader of the rows must know."""
    lines = [
        "Reliability is the share of the variance between methods' numbers that is the methods' "
        "own: 0, seeds alone order the table; 1, they change nothing. More seeds do not lower what "
        "other evaluation images would change. Seeds to see a difference are those that see it 8 "
        "times of 10, whatever the true spread is that this one was drawn from; in brackets, by "
        "the ends of its interval."
    ]
    for setting in settings:
        lines += [f"{setting.noise}: {line}" for line in _lines_of(setting)]
    return lines


def _lines_of(setting: SettingPower) -> list[str]:
    if not setting.methods:
        return ["no run that is done has this number."]
    lines = []
    if setting.silence:
        counts = ", ".join(f"{method} with {count}" for method, count in setting.methods.items())
        lines.append(
            f"how methods differ is not known: {setting.silence}. Runs with a number: {counts}."
        )
    if setting.missing:
        lines.append(f"without a number: {', '.join(setting.missing)}.")
    if setting.baseline is not None and setting.baseline in setting.methods:
        lines.append(f"methods are compared with {setting.baseline} alone.")
    if setting.apart:
        lines.append(f"told apart: {_apart(setting)}")
    lines += [line for line in (_uneven(setting), _few(setting)) if line]
    left = setting.layout.left_out
    if setting.repeats:
        lines.append(
            "runs that share a noise seed or a train seed are no new draws: differences and "
            "reliability are of runs that share neither."
        )
    elif left:
        some = ", ".join(f"{method} seed {str_of_seed(seed)}" for method, seed in left[:10])
        more = f" and {len(left) - 10} more" if len(left) > 10 else ""
        lines.append(
            "reliability and sd of a difference are of the methods and seeds that tell most, "
            f"without {some}{more}; two methods are told apart by all seeds that they share."
        )
    return lines


def _apart(setting: SettingPower) -> str:
    """The pairs that are told apart, the better method first; above ten, how many."""
    found = sorted(setting.apart, key=lambda pair: -abs(pair.mean))
    told = "; ".join(
        f"{pair.one if pair.mean > 0 else pair.other} above "
        f"{pair.other if pair.mean > 0 else pair.one} by "
        f"{decimal(abs(pair.mean))} ± {decimal(pair.half)}"
        for pair in found[:10]
    )
    more = f"; and {len(found) - 10} more (--json has all)" if len(found) > 10 else ""
    return f"{told}{more}."


def _uneven(setting: SettingPower) -> str:
    """A warning where pairs seem not to spread alike: the common spread is worth little then."""
    known = setting.differences.known
    if not known or setting.differences.methods < 3:
        return ""
    alike = (setting.differences.methods - 1) * (known[0].seeds - 1)
    if setting.differences.prior.degrees >= alike / 2:
        return ""
    low, high = setting.differences.spreads
    return (
        f"pairs seem not to spread alike, from {decimal(low)} to {decimal(high)}: the sd of a "
        "difference and the seeds that follow from it are of no pair in particular, their "
        "brackets too narrow."
    )


def _few(setting: SettingPower) -> str:
    """What few seeds of several methods do not keep (simulated: `differences` says how often)."""
    seeds = min((pair.seeds for pair in setting.differences.known), default=0)
    if not seeds or seeds >= 5 or setting.differences.methods < 3:
        return ""
    less = ""
    if seeds == 2 or (seeds == 3 and setting.differences.methods > 6):
        less = "; seeds planned by it, if they are as few, find 5 to 15 points less power"
    return (
        "below five seeds the 5 % are kept where methods vary alike; where one varies six times as "
        f"much as the others, it is up to 16 %{less}."
    )


def _range(value: Range) -> str:
    return f"{decimal(value.value)} [{decimal(value.low)}, {decimal(value.high)}]"


def _one(value: float | None) -> str:
    return NONE if value is None or math.isnan(value) else decimal(value)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
