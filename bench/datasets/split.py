"""One half of a data set: what is trained on, or what is evaluated on."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(kw_only=True, slots=True, frozen=True)
class Split:
    """An annotation file, the folder of its images, and how many of them to use.

    Attributes:
        limit: so many images, evenly spaced in the file's order; None for all.
    """

    annotations: Path
    images: Path
    limit: int | None = None
