"""How well a text is read on its ground (WCAG 2.2, relative luminance and contrast ratio)."""

from collections.abc import Sequence

from matplotlib.colors import to_rgb

# No pure white, which is the paper's: in the dark scheme that turns dark, a map's cells do not.
DARK_TEXT, LIGHT_TEXT = "#000000", "#fefefe"


def luminance(colour: str | Sequence[float]) -> float:
    """Relative luminance of a colour of sRGB, 0 black to 1 white."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(colour)  # type: ignore[arg-type]  # any sequence of three or four
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str | Sequence[float], other: str | Sequence[float]) -> float:
    """Contrast ratio of two colours, 1 to 21; texts want 4.5, lines and markers 3."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def text_on(ground: str | Sequence[float]) -> str:
    """Black or white, whichever is read better: at least 4.56 on any ground."""
    return max((DARK_TEXT, LIGHT_TEXT), key=lambda colour: contrast(colour, ground))
