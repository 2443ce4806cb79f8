"""Figures inside a page: sharp at any size, in the colours of the reader's scheme."""

import base64
import re
from typing import NamedTuple

from noisyseg.results.figures.dark_scheme import following

_SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt"', re.DOTALL)
_PLACE = re.compile(r' (?:d|x|y)="[^"]*"')
_BETWEEN = re.compile(r">\s+<")
_DECIMALS = re.compile(r"(\.\d\d)\d+")


class Drawing(NamedTuple):
    """An SVG inside a page: the source of its image, its width and height in CSS pixels."""

    source: str
    width: int
    height: int


def drawing(svg: bytes) -> Drawing:
    """A figure's SVG as the source of an image, its places to a hundredth of a point."""
    found = _SIZE.search(svg.decode())
    assert found is not None, "a figure of matplotlib's"
    width, height = (round(float(points) * 4 / 3) for points in found.groups())
    text = _PLACE.sub(_rounded, following(svg).decode())
    short = _BETWEEN.sub("><", text).encode()
    return Drawing(f"data:image/svg+xml;base64,{base64.b64encode(short).decode()}", width, height)


def _rounded(place: re.Match[str]) -> str:
    return _DECIMALS.sub(r"\1", place[0])
