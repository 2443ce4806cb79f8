"""How a method's line looks: by its name alone, and so the same in every figure of every suite.

The methods that ship have looks of their own, the paper's six the plainest: filled markers, and
relatives share a colour (gce and split(gce)). Any other name gets a hollow marker by its checksum.
Colours are after Okabe & Ito, darkened to a contrast of 3 on white; no two looks differ by their
colour alone.
"""

from dataclasses import dataclass
from itertools import product
from zlib import crc32

from noisyseg.results.figures.style import INK

BLUE, VERMILION, GREEN, AMBER, PINK = "#1a5796", "#9c3a12", "#26a17b", "#b69006", "#ef5ab8"
CYAN, OLIVE, BROWN, VIOLET = "#2a93c4", "#66801a", "#6e5548", "#7d63d6"
SOLID, DASHED, DOTTED, MIXED = "-", "--", ":", "-."


@dataclass(frozen=True, slots=True)
class Look:
    """Of a method's line and its markers."""

    colour: str
    marker: str
    style: str
    hollow: bool = False


_SHIPPED = {
    "ce": Look(INK, "o", SOLID),
    "lsr": Look(BLUE, "s", DASHED),
    "jol": Look(GREEN, "^", MIXED),
    "gce": Look(AMBER, "D", DASHED),
    "sce": Look(PINK, "v", DOTTED),
    "lncis": Look(VERMILION, "X", SOLID),
    "mae": Look(BROWN, "s", SOLID),
    "rce": Look(OLIVE, "v", SOLID),
    "nce-rce": Look(VIOLET, "D", SOLID),
    "gjs": Look(CYAN, "^", SOLID),
    "bootstrap-hard": Look(OLIVE, "<", DASHED),
    "bootstrap-soft": Look(OLIVE, ">", DOTTED),
    "small-loss": Look(GREEN, "h", SOLID),
    "forward": Look(BLUE, ">", SOLID),
    "backward": Look(BLUE, "<", DOTTED),
    "elr": Look(CYAN, "p", DASHED),
    "split(gce)": Look(AMBER, "*", MIXED),
    "split(mae)": Look(BROWN, "P", MIXED),
    "split(sce)": Look(PINK, "P", SOLID),
    "split(nce-rce)": Look(VIOLET, "*", MIXED),
    "split(gjs)": Look(CYAN, "*", MIXED),
}
_OTHERS = [
    Look(colour, marker, style, hollow=True)
    for style, marker, colour in product(
        (SOLID, DASHED, MIXED, DOTTED),
        ("o", "s", "^", "D", "v", "P", "X", "*", "h", "<", ">"),
        (BLUE, VERMILION, GREEN, PINK, VIOLET, AMBER, BROWN, CYAN, OLIVE),
    )
]


def look_of(method: str) -> Look:
    """The look of a method by its label; of labels that do not ship, two in 396 may look alike."""
    return _SHIPPED.get(method) or _OTHERS[crc32(method.encode()) % len(_OTHERS)]
