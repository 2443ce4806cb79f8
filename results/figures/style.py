"""The style of every figure: ink and paper, sizes, resolution, how files come.

Equal figures give files of equal bytes.
"""

import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Literal

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Neither black nor, on a map, white: `dark_scheme` changes these wherever a file has them.
INK, PAPER, GRID, NOTHING = "#202124", "#ffffff", "#dddddd", "#e3e6ea"
CLEAN, NOISY, CHANGED = "#3b6fb6", "#e07b39", "#c2185b"
GREY, MIDDLE_GREY = "#5f6368", "#8a8f94"
PURPLE = "#7b3fa0"
FONT = 10.0  # points, at the size that a figure has in a paper's two columns
DPI = 200
_LONGEST = 32  # characters of a name in a figure
FORMATS = ("png", "svg", "pdf")
_WITHOUT_DATE: Mapping[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_OWN = {
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "text.parse_math": False,  # a class may be called "a$b$"
}


@contextmanager
def own_style() -> Iterator[None]:
    """Draw in one style whatever a user's configuration says, and say nothing.

    A name in a script that the shipped font lacks is drawn as boxes; the page itself shows it.
    """
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_OWN)  # type: ignore[arg-type]  # names of settings
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def new_figure(
    width: float,
    height: float,
    *,
    layout: Literal["constrained"] | None = "constrained",
    dpi: float = DPI,
) -> Figure:
    """An empty figure of so many inches that belongs to no window."""
    figure = Figure(figsize=(width, height), dpi=dpi, layout=layout)
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


def wrapped_title(title: str, width: float) -> str:
    """In lines that a figure of so many inches has room for."""
    return textwrap.fill(title, max(20, int(10.5 * width)))
