"""Mask AP against the noise rate as small SVGs inside the page: numbers and our own words alone."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from noisyseg.results.leaderboard.boards import Board, Row, noise_types
from noisyseg.results.leaderboard.wording import number
from noisyseg.results.records.metrics import DEFAULT

_WIDTH, _HEIGHT = 360, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 12, 28, 34


class Point(NamedTuple):
    """A mean with its interval at a noise rate."""

    rate: float
    mean: float
    low: float | None
    high: float | None


class _Axes(NamedTuple):
    most_rate: float
    low: float
    high: float

    def x(self, rate: float) -> float:
        return round(_LEFT + rate / self.most_rate * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)


def curves(
    own: Sequence[tuple[Board, Row]], other: Sequence[tuple[Board, Row]], other_name: str
) -> list[Markup]:
    """A curve for each type of noise that an entry has at one rate or more, clean at its left.

    Args:
        own: the entry's rows, with their boards.
        other: those of the entry that stands beside it; may be empty.
        other_name: what to call that.
    """
    kinds = dict.fromkeys(
        noise_types(board.noise) for board, _ in own if board.noise is not None and board.rate
    )
    found = []
    for kind in kinds:
        lines = [_points(own, kind), _points(other, kind)]
        if len(lines[0]) > 1:
            found.append(_drawing(kind, lines, other_name))
    return found


def _points(rows: Sequence[tuple[Board, Row]], kind: str) -> list[Point]:
    found = []
    for board, row in rows:
        told = row.numbers.get(DEFAULT)
        fits = board.noise is None or noise_types(board.noise) == kind
        if told is not None and fits and board.rate is not None:
            found.append(Point(board.rate, told.mean, told.low, told.high))
    return sorted(found)


def _drawing(kind: str, lines: Sequence[Sequence[Point]], other_name: str) -> Markup:
    points = [point for line in lines for point in line]
    top = max(point.mean for point in points)
    axes = _Axes(max(point.rate for point in points), 0.0, min(100.0, 5.0 * (top // 5 + 2)))
    words = ", ".join(f"{number(p.mean)} at {100 * p.rate:g} %" for p in lines[0])
    title = f"Mask AP by the rate of {kind} noise: {words}"
    parts = [
        f'<text class="title" x="{_LEFT}" y="16">{escape(kind)}</text>',
        *_grid(axes, [point.rate for point in lines[0]]),
        *_line(lines[1], axes, "other"),
        *_line(lines[0], axes, "own"),
    ]
    if lines[1]:
        parts.append(
            f'<text class="name" x="{_WIDTH - _RIGHT}" y="16" text-anchor="end">'
            f"dashed: {escape(other_name)}</text>"
        )
    return Markup(
        f'<svg class="curve" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def _grid(axes: _Axes, rates: Sequence[float]) -> list[str]:
    step = 5 if axes.high <= 30 else 10 if axes.high <= 60 else 20
    found = []
    for value in range(0, int(axes.high) + 1, step):
        y = axes.y(value)
        found.append(f'<path class="grid" d="M{_LEFT} {y:g}H{_WIDTH - _RIGHT}"/>')
        found.append(f'<text x="{_LEFT - 6}" y="{y + 4:g}" text-anchor="end">{value}</text>')
    for rate in rates:
        x = axes.x(rate)
        anchor = "end" if rate == axes.most_rate else "middle"
        text = "clean" if rate == 0 else f"{100 * rate:g} %"
        found.append(f'<text x="{x:g}" y="{_HEIGHT - 12}" text-anchor="{anchor}">{text}</text>')
    return found


def _line(points: Sequence[Point], axes: _Axes, name: str) -> list[str]:
    if not points:
        return []
    places = "L".join(f"{axes.x(p.rate):g} {axes.y(p.mean):g}" for p in points)
    found = [f'<path class="{name}" d="M{places}"/>']
    for p in points:
        if p.low is not None and p.high is not None and name == "own":
            ends = f"M{axes.x(p.rate):g} {axes.y(p.low):g}V{axes.y(p.high):g}"
            found.append(f'<path class="{name}" d="{ends}"/>')
        found.append(
            f'<circle class="{name}" cx="{axes.x(p.rate):g}" cy="{axes.y(p.mean):g}" r="4"/>'
        )
    return found
