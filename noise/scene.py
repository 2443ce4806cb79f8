"""The annotations of a file as checks and presence noise see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Mask


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """N annotations in their images.

    Attributes:
        document: a checked COCO document; empty where only class noise looks.
        table: its annotations.
        eligible: which of them the step counts, shape (N,).
        largest_id: new annotations get the ids after it.
    """

    document: Mapping[str, Any]
    table: AnnotationTable
    eligible: Mask
    largest_id: int

    @classmethod
    def of(
        cls,
        document: Mapping[str, Any],
        table: AnnotationTable,
        parameters: Mapping[str, Any],
        *,
        largest_id: int | None = None,
    ) -> "Scene":
        """What a step with these parameters sees in a document with this table.

        Args:
            largest_id: of an annotation that was there before; none by default.
        """
        known = [*table.numbers.tolist(), *([] if largest_id is None else [largest_id])]
        crowds_too = parameters.get("crowds")
        return cls(
            document=document,
            table=table,
            eligible=np.ones_like(table.crowds) if crowds_too else ~table.crowds,
            largest_id=max(known, default=0),
        )
