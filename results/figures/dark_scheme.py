"""A figure's SVG that follows the reader's colour scheme, for pages.

The light colours stay; a style sheet inside the picture says what each is on a dark screen. What
is printed is light.
"""

import re

from noisyseg.results.figures import method_looks as looks
from noisyseg.results.figures import style

DARK = {
    style.INK: "#e8eaed",
    style.PAPER: "#1b1d20",
    style.GRID: "#3c4043",
    style.NOTHING: "#33373b",
    style.CLEAN: "#7aa7e8",
    style.NOISY: "#f09a5c",
    style.CHANGED: "#f06292",
    style.GREY: "#a9aeb4",
    style.MIDDLE_GREY: "#92979c",
    style.PURPLE: "#c08be0",
    looks.BLUE: "#4a8ff0",
    looks.VERMILION: "#d9643a",
    looks.GREEN: "#2be3a0",
    looks.AMBER: "#f4cf3c",
    looks.PINK: "#f788d4",
    looks.CYAN: "#6fd3f2",
    looks.OLIVE: "#b5c252",
    looks.BROWN: "#b59a8a",
    looks.VIOLET: "#b196f0",
}
"""Colour of a figure → what it is on a dark screen."""


def following(svg: bytes) -> bytes:
    """The SVG with every colour of `DARK` as a variable; one that has none of them as it is."""
    text = svg.decode()
    used = [light for light in DARK if light in text]
    if not used:
        return svg
    for number, light in enumerate(used):  # short names: a page has thousands of them
        text = text.replace(light, f"var(--{number})")
    light_sheet = "".join(f"--{number}:{light};" for number, light in enumerate(used))
    dark_sheet = "".join(f"--{number}:{DARK[light]};" for number, light in enumerate(used))
    sheet = (
        f"<style>:root{{{light_sheet}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark_sheet}}}}}</style>"
    )
    return re.sub(r"<svg\b[^>]*>", lambda tag: tag[0] + sheet, text, count=1).encode()
