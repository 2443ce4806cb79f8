"""A model's class scores for each annotation of a file, which instance-dependent noise goes by."""

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Indices, Words
from noisyseg.noise.types.parameters import UNREADABLE_ARRAY, Loaded, Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """A model's scores: annotation ids (N,), rising; weights (N, K); K class names."""

    ids: Words
    probabilities: NDArray[Any]
    classes: tuple[str, ...]

    def places(self, ids: Words) -> Indices:
        """Where these annotations' scores are, shape (N,).

        Raises:
            InputError: an annotation has no scores.
        """
        places = np.searchsorted(self.ids, ids)
        known = places < len(self.ids)
        known[known] = self.ids[places[known]] == ids[known]
        if not known.all():
            lacking = ids[~known].astype(np.int64)
            raise InputError(
                f"the scores lack {len(lacking)} of {len(ids)} annotations, e.g. id {lacking[0]}: "
                "score every annotation of this file."
            )
        return places


def parse_scores(value: Any, place: Place) -> Loaded:
    """An NPZ file: `ids` (N,) integers, `scores` (N, K) of at least 0, `classes` (K,) names.

    Scores are a model's class probabilities for each annotation (softmax, without background); a
    row need not sum to 1.

    Raises:
        InputError: unreadable, or of other shapes.
    """
    if isinstance(value, Loaded):  # read already
        return value
    if not isinstance(value, str):
        raise InputError(f"{place.where}: scores must be the path of an NPZ file, got {value!r}.")
    path = place.base / value
    where = f"{place.where} {path}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{where}: cannot read it: {error.strerror}.") from error
    return Loaded(
        resolved={"sha256": sha256_bytes(data)}, content=_checked(*_arrays(data, where), where)
    )


def _arrays(data: bytes, where: str) -> tuple[Any, Any, Any]:
    try:
        file = np.load(io.BytesIO(data), allow_pickle=False)
        return file["ids"], file["scores"], file["classes"]
    # IndexError: an NPY file, which has one array without a name.
    except (
        *UNREADABLE_ARRAY,
        *(LookupError, OSError, NotImplementedError, zipfile.BadZipFile, zlib.error),
    ) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{where}: wanted an NPZ file with the arrays ids, scores and classes: {reason}"
        ) from error


def _checked(ids: Any, scores: Any, classes: Any, where: str) -> Scores:
    shapes_fit = ids.ndim == classes.ndim == 1 and scores.shape == (len(ids), len(classes))
    kinds_fit = ids.dtype.kind in "iu" and scores.dtype.kind in "fiu" and classes.dtype.kind == "U"
    if not shapes_fit or not kinds_fit:
        raise InputError(
            f"{where}: wanted ids (N,) of integers, scores (N, K) of numbers and classes (K,) of "
            f"texts, got {', '.join(f'{a.shape} of {a.dtype}' for a in (ids, scores, classes))}."
        )
    if not np.isfinite(scores).all() or (scores < 0).any():
        raise InputError(f"{where}: scores must be finite and at least 0.")
    words = ids.astype(np.uint64)
    order = np.argsort(words, kind="stable")
    words = words[order]
    if (words[1:] == words[:-1]).any():
        raise InputError(f"{where}: an annotation id is there twice.")
    return Scores(ids=words, probabilities=scores[order], classes=tuple(classes.tolist()))


def some_scores(table: AnnotationTable) -> dict[str, Loaded]:
    """Scores of every annotation that are as good as drawn."""
    ids = np.sort(table.ids)
    columns = np.arange(1, len(table.categories) + 1, dtype=np.uint64)
    scores = (ids[:, None] * columns % np.uint64(97)).astype(np.float64)
    content = Scores(ids=ids, probabilities=scores, classes=table.categories.names)
    return {"scores": Loaded(resolved={"sha256": sha256_bytes(scores.tobytes())}, content=content)}
