"""The style of every figure: colours that the colour-blind tell apart, sizes, how files come.

Equal figures give files of equal bytes.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
FORMATS = ("png", "svg", "pdf")
_WITHOUT_DATE: Mapping[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


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


def rendered(
    make: Callable[[], Figure | None], formats: Iterable[str], *, trimmed: bool = False
) -> dict[str, bytes]:
    """What a function draws, as the bytes of a file of each format; empty if it draws nothing.

    Args:
        make: draws it by `new_figure`, or returns None.
        formats: of `FORMATS`.
        trimmed: whether empty margins are cut off.
    """
    with own_style():
        matplotlib.rcParams.update(
            {"svg.hashsalt": "noisyseg", "pdf.fonttype": 42, "hatch.linewidth": 0.7}
        )
        figure = make()
        if figure is None:
            return {}
        return {name: _saved(figure, name, trimmed=trimmed) for name in formats}


def png(figure: Figure, *, trimmed: bool = False) -> bytes:
    """The bytes of a figure by `new_figure`, within `own_style`.

    Args:
        figure: to be saved.
        trimmed: whether empty margins are cut off.
    """
    return _saved(figure, "png", trimmed=trimmed)


def _saved(figure: Figure, name: str, *, trimmed: bool) -> bytes:
    """Without date nor version, which matplotlib would put in."""
    buffer = BytesIO()
    box = "tight" if trimmed else None
    figure.savefig(buffer, format=name, metadata=_WITHOUT_DATE[name], bbox_inches=box)
    return buffer.getvalue()


def short(names: Sequence[str]) -> list[str]:
    """The names, cut where they would leave a figure no room; the page has them whole."""
    return [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in names]
