"""The manifest: what the noise did to one annotation file, in data that depends on inputs alone.

No date, path, host or software version enters it, so equal inputs give equal bytes. Its keys::

    format        version of this layout
    spec          the resolved noise spec
    writer        "digits": the noisy file is the clean one but for digits of `category_id`;
                  "document": it was parsed and written anew, in noisyseg's formatting
    clean_sha256, noisy_sha256    of the two files' bytes
    clean_document_sha256    of the clean file's content, keys sorted, if the writer is "document":
                  what `invert` must give back; else null
    annotations   {clean, noisy, crowd, class_changed, geometry_changed, removed, added}: numbers
                  of annotations; `crowd` are the clean file's
    classes       per category, in file order: {id, name, clean, noisy, changed}: how many
                  annotations of the class the clean and the noisy file have, and how many of the
                  clean ones are still there but of another class. Crowds are counted here and in
                  `counts` only if a step could change them
    counts        K x K: row = clean class, column = noisy class, in file order, of the annotations
                  that both files have
    changes       what turns the noisy file back into the clean one:
        classes   [old category id, new category id, [annotation ids, rising]], rising
        geometry  [annotation id, {field: old value}], in the clean file's order
        removed   [index in the clean file's list, annotation], in that order
        added     annotation ids
    steps         a report per step; its `type` says what else is in it. Of class noise:
                  intended_rate (null for a matrix); eligible, flipped; expected_matrix (T[i, j] =
                  P(class j | class i before the step), null if every annotation has its own);
                  expected_flips (of the eligible, in the mean over all seeds, given what the steps
                  before did); rate_of_eligible with its 95 % interval
                  (Wilson); rate_of_all (annotations that the step may touch); per_class {eligible,
                  flipped}, by the class before the step; detail (what was drawn for the file as a
                  whole). The rate of no annotations is null. The reports of the other
                  families are described in `noise.families`
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import numpy as np
from numpy.typing import NDArray

from noisyseg.files import canonical_json
from noisyseg.noise.spec import NoiseSpec
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Indices, Mask

FORMAT_VERSION = 2
DIGITS: Literal["digits"] = "digits"
DOCUMENT: Literal["document"] = "document"

Count = Annotated[int, msgspec.Meta(ge=0)]
Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Checksum = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Changes(TypedDict):
    """What turns the noisy file back into the clean one; pairs and triples are lists in a file."""

    classes: list[tuple[Id, Id, list[Id]]]
    geometry: list[tuple[Id, dict[str, Any]]]
    removed: list[tuple[Count, dict[str, Any]]]
    added: list[Id]


class Numbers(TypedDict):
    """Numbers of annotations."""

    clean: Count
    noisy: Count
    crowd: Count
    class_changed: Count
    geometry_changed: Count
    removed: Count
    added: Count


class ClassNumbers(TypedDict):
    """A class, and numbers of its annotations."""

    id: Id
    name: str
    clean: Count
    noisy: Count
    changed: Count


class DocumentManifest(TypedDict):
    """A manifest but for what belongs to files."""

    format: int
    spec: dict[str, Any]
    annotations: Numbers
    classes: list[ClassNumbers]
    counts: list[list[Count]]
    changes: Changes
    steps: list[dict[str, Any]]


class Unfinished(DocumentManifest):
    """A manifest but for the noisy file's checksum, which is known once that is written."""

    writer: Literal["digits", "document"]
    clean_sha256: Checksum
    clean_document_sha256: Checksum | None


class Manifest(Unfinished):
    """A whole manifest, as the module's text describes it."""

    noisy_sha256: Checksum


def build_manifest(
    spec: NoiseSpec,
    table: AnnotationTable,
    after: Indices,
    steps: Sequence[dict[str, Any]],
    *,
    kept: Mask | None = None,
    geometry: Sequence[tuple[int, dict[str, Any]]] = (),
    removed: Sequence[tuple[int, dict[str, Any]]] = (),
    added: Sequence[dict[str, Any]] = (),
) -> DocumentManifest:
    """The manifest but for `writer` and the two checksums, which belong to files.

    Args:
        spec: what was applied.
        table: the clean file's annotations, N of them.
        after: their classes at the end, shape (N,).
        steps: a report per step.
        kept: which of them the noisy file still has, shape (N,); all by default.
        geometry: id and old fields of those whose geometry changed.
        removed: index and clean annotation of those that are gone.
        added: the annotations that the clean file has not.
    """
    kept = np.ones(len(after), dtype=np.bool_) if kept is None else kept
    crowds_too = any(step.parameters.get("crowds") for step in spec.steps)
    counted = np.ones_like(kept) if crowds_too else ~table.crowds
    changed = kept & (table.classes != after)
    counts = _counts(table, after, kept & counted)
    changes: Any = {  # lists, as they are read back
        "classes": class_changes(table, after, changed),
        "geometry": [[number, fields] for number, fields in geometry],
        "removed": [[index, entry] for index, entry in removed],
        "added": [entry["id"] for entry in added],
    }
    return {
        "format": FORMAT_VERSION,
        "spec": spec.resolved(),
        "annotations": {
            "clean": len(after),
            "noisy": int(kept.sum()) + len(added),
            "crowd": int(table.crowds.sum()),
            "class_changed": int(changed.sum()),
            "geometry_changed": len(geometry),
            "removed": len(removed),
            "added": len(added),
        },
        "classes": _class_numbers(table, counts, counted, added),
        "counts": counts.tolist(),
        "changes": changes,
        "steps": list(steps),
    }


def _counts(table: AnnotationTable, after: Indices, both: Mask) -> NDArray[np.int64]:
    """K x K: of the annotations in `both` files, row = clean class, column = noisy class."""
    k = len(table.categories)
    pairs = table.classes[both] * k + after[both]
    return np.bincount(pairs, minlength=k * k).reshape(k, k)


def _class_numbers(
    table: AnnotationTable,
    counts: NDArray[np.int64],
    counted: Mask,
    added: Sequence[dict[str, Any]],
) -> list[ClassNumbers]:
    categories = table.categories
    k = len(categories)
    clean = np.bincount(table.classes[counted], minlength=k)
    index_of = {number: index for index, number in enumerate(categories.ids)}
    places = np.array([index_of[entry["category_id"]] for entry in added], dtype=np.int64)
    noisy = counts.sum(axis=0) + np.bincount(places, minlength=k)
    changed = counts.sum(axis=1) - counts.diagonal()
    return [
        {
            "id": number,
            "name": name,
            "clean": int(clean[place]),
            "noisy": int(noisy[place]),
            "changed": int(changed[place]),
        }
        for place, (number, name) in enumerate(zip(categories.ids, categories.names, strict=True))
    ]


def class_changes(
    table: AnnotationTable, after: Indices, changed: Mask
) -> list[list[int | list[int]]]:
    """[old category id, new category id, annotation ids] of the changed ones, all rising."""
    category_ids = np.array(table.categories.ids, dtype=np.int64)
    old, new = category_ids[table.classes[changed]], category_ids[after[changed]]
    numbers = table.numbers[changed]
    if not len(numbers):
        return []
    order = np.lexsort((numbers, new, old))
    old, new, numbers = old[order], new[order], numbers[order]
    starts = np.flatnonzero(np.r_[True, (old[1:] != old[:-1]) | (new[1:] != new[:-1])])
    return [
        [int(old[start]), int(new[start]), group.tolist()]
        for start, group in zip(starts.tolist(), np.split(numbers, starts[1:]), strict=True)
    ]


def encode_manifest(manifest: Mapping[str, Any]) -> bytes:
    """The manifest's bytes: canonical JSON and a line end."""
    return canonical_json(manifest) + b"\n"
