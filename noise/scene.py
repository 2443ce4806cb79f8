"""The annotations of a file as presence noise sees them, and what it does to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Mask


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """N annotations in their images.

    Attributes:
        document: a checked COCO document.
        table: its annotations.
        eligible: which of them the step counts, shape (N,).
        largest_id: new annotations get the ids after it.
    """

    document: Mapping[str, Any]
    table: AnnotationTable
    eligible: Mask
    largest_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Presence:
    """What a step of presence noise does.

    Attributes:
        kept: which annotations stay, shape (N,).
        added: new annotations, put after them.
    """

    kept: Mask
    added: list[dict[str, Any]] = field(default_factory=list)
