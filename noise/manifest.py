"""The manifest: what the noise did to one annotation file, in data that depends on inputs alone.

No date, path, host or software version enters it, so equal inputs give equal bytes. Its keys:

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

from collections.abc import Sequence
from typing import Any

import numpy as np

from noisyseg.files import canonical_json
from noisyseg.noise.spec import NoiseSpec
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Indices, Mask

Manifest = dict[str, Any]
FORMAT_VERSION = 2
DIGITS, DOCUMENT = "digits", "document"


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
) -> Manifest:
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
        **_counts(table, after, kept, counted, added),
        "changes": {
            "classes": class_changes(table, after, changed),
            "geometry": [[number, fields] for number, fields in geometry],
            "removed": [[index, entry] for index, entry in removed],
            "added": [entry["id"] for entry in added],
        },
        "steps": list(steps),
    }


def _counts(
    table: AnnotationTable,
    after: Indices,
    kept: Mask,
    counted: Mask,
    added: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    categories = table.categories
    k = len(categories)
    both = counted & kept
    counts = np.bincount(table.classes[both] * k + after[both], minlength=k * k).reshape(k, k)
    clean = np.bincount(table.classes[counted], minlength=k)
    index_of = {number: index for index, number in enumerate(categories.ids)}
    places = np.array([index_of[entry["category_id"]] for entry in added], dtype=np.int64)
    new = np.bincount(places, minlength=k)
    noisy, stayed = counts.sum(axis=0) + new, counts.diagonal()
    changed = counts.sum(axis=1) - stayed
    columns = zip(
        categories.ids,
        categories.names,
        clean.tolist(),
        noisy.tolist(),
        changed.tolist(),
        strict=True,
    )
    keys = ("id", "name", "clean", "noisy", "changed")
    return {
        "classes": [dict(zip(keys, values, strict=True)) for values in columns],
        "counts": counts.tolist(),
    }


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


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest's bytes: canonical JSON and a line end."""
    return canonical_json(manifest) + b"\n"
