"""The style of every figure: colours that the colour-blind tell apart, sizes, how files come."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Literal

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

CLEAN, NOISY, CHANGED = "#3b6fb6", "#e07b39", "#c2185b"
GREY = "#5f6368"
# Okabe & Ito's; black first. Lines differ in style and marker as well.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8a8f94")
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
FONT = 10.0  # points, at the size that a figure has in a paper's two columns
_DPI = 110
_LONGEST = 32  # characters of a name in a figure


@contextmanager
def own_style() -> Iterator[None]:
    """Draw in matplotlib's own style whatever a user's configuration says, and say nothing.

    A name in a script that the shipped font lacks is drawn as boxes; the page itself shows it.
    """
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams["text.parse_math"] = False  # a class may be called "a$b$"
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def new_figure(
    width: float, height: float, *, layout: Literal["constrained"] | None = "constrained"
) -> Figure:
    """An empty figure of so many inches that belongs to no window."""
    figure = Figure(figsize=(width, height), dpi=_DPI, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def png(figure: Figure, *, trimmed: bool = False) -> bytes:
    """The figure's bytes, without the version that matplotlib would put in.

    Args:
        figure: by `new_figure`.
        trimmed: whether empty margins are cut off.
    """
    buffer = BytesIO()
    box = "tight" if trimmed else None
    figure.savefig(buffer, format="png", metadata={"Software": None}, bbox_inches=box)
    return buffer.getvalue()


def short(names: Sequence[str]) -> list[str]:
    """The names, cut where they would leave a figure no room; the page has them whole."""
    return [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in names]
