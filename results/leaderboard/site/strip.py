"""A row's mean and interval on an axis that the whole board shares, with the noise floor behind."""

import math
from dataclasses import dataclass

from markupsafe import Markup

from noisyseg.results.leaderboard.boards import Board, Row
from noisyseg.results.records.metrics import DEFAULT

WIDTH, HEIGHT, _MARGIN = 180, 18, 8


@dataclass(frozen=True, slots=True)
class Strip:
    """The axis of a board.

    Attributes:
        low, high: its ends, in percent.
        band: ends of the noise floor around the best ranked mean; None without one.
    """

    low: float
    high: float
    band: tuple[float, float] | None

    def _x(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(_MARGIN + share * (WIDTH - 2 * _MARGIN), 1)

    @property
    def axis(self) -> Markup:
        """The heading: the ticks, and the band that rows repeat."""
        ticks = "".join(
            f'<path d="M{self._x(tick):g} 14v4"/>'
            f'<text x="{self._x(tick):g}" y="11" text-anchor="middle">{tick:g}</text>'
            for tick in _ticks(self.low, self.high)
        )
        band = ""
        if self.band is not None:
            ends = [min(max(self._x(end), 0.0), float(WIDTH)) for end in self.band]
            band = (
                f'<rect class="floor" x="{ends[0]:g}" width="{ends[1] - ends[0]:g}" height="18"/>'
            )
        return Markup(  # numbers alone
            f'<svg class="strip" width="{WIDTH}" height="{HEIGHT}" aria-hidden="true">'
            f'<defs><g id="floor">{band}</g></defs><use href="#floor"/>{ticks}</svg>'
        )

    def drawn(self, row: Row) -> Markup:
        """The row's point and interval."""
        told = row.numbers.get(DEFAULT)
        if told is None:
            return Markup("")
        line = ""
        if told.low is not None and told.high is not None:
            start, end = (self._x(min(max(v, self.low), self.high)) for v in (told.low, told.high))
            line = f'<path d="M{start:g} 9H{end:g}"/>'
        return Markup(
            f'<svg class="strip" width="{WIDTH}" height="{HEIGHT}" aria-hidden="true">'
            f'<use href="#floor"/>{line}<circle cx="{self._x(told.mean):g}" cy="9" r="4"/></svg>'
        )


def strip_of(board: Board) -> Strip:
    """An axis that holds every row's mean, and the intervals as far as they are of use."""
    means = [row.mean for row in board.rows if not math.isnan(row.mean)] or [0.0]
    told = [row.numbers[DEFAULT] for row in board.rows if DEFAULT in row.numbers]
    widest = max(max(means) - min(means), 4.0)
    ends = [v for own in told for v in (own.low, own.high) if v is not None]
    # Three seeds may give an interval of 20 AP, beside which no difference would be seen.
    low = max(min([*means, *ends]), min(means) - widest, 0.0)
    high = min(max([*means, *ends]), max(means) + widest, 100.0)
    if high - low < 2:
        low, high = max(low - 1, 0.0), high + 1
    ranked = [row.mean for row in board.rows if row.standing is not None]
    band = None
    if board.floor is not None and ranked:
        band = max(ranked) - board.floor.sd, max(ranked) + board.floor.sd
    return Strip(low, high, band)


def _ticks(low: float, high: float) -> list[float]:
    step = next((s for s in (1, 2, 5, 10, 20) if (high - low) / s <= 5), 50)
    first = math.ceil(low / step)
    return [float(n * step) for n in range(first, math.floor(high / step) + 1)]
