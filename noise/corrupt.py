"""Apply a noise spec to the annotations of a COCO document."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from noisyseg.annotation_files.document import CocoDocument, is_written_alike
from noisyseg.noise.draws import StepDraws
from noisyseg.noise.manifest import DocumentManifest, build_manifest
from noisyseg.noise.requirements import check_steps
from noisyseg.noise.spec import NoiseSpec, NoiseStep
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.types.registry import noise_type

Annotation = dict[str, Any]
GEOMETRY_FIELDS = ("segmentation", "bbox", "area")


def corrupt(
    document: CocoDocument, spec: NoiseSpec, *, workers: int = 1
) -> tuple[CocoDocument, DocumentManifest]:
    """The document with noise, and the manifest of what was changed.

    The document's categories, in file order, are the classes: choose a subset before. Crowd
    annotations are left alone unless a step says otherwise. The input is not changed; the result
    shares with it every entry that stays the same.

    Args:
        document: as `read_annotations` gives it, or checked by `check_document`.
        spec: what to apply.
        workers: processes for geometry noise; they do not change the result.

    Returns:
        The noisy document, and its manifest but for `writer` and the two checksums, which belong to
        files.

    Raises:
        InputError: noise that does not fit the document's categories or annotations; what a step
            needs of an annotation, it needs of each that it may touch, drawn or not.

    >>> from noisyseg.noise.spec import make_step
    >>> document = {
    ...     "images": [{"id": 1, "file_name": "1.jpg", "width": 8, "height": 8}],
    ...     "categories": [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}],
    ...     "annotations": [
    ...         {"id": 7, "image_id": 1, "category_id": 17, "bbox": [0, 0, 4, 4], "area": 16,
    ...          "segmentation": [[0, 0, 4, 0, 4, 4, 0, 4]], "iscrowd": 0}
    ...     ],
    ... }
    >>> spec = NoiseSpec(steps=[make_step("symmetric", rate=1, classes=["cat", "dog"])], seed=0)
    >>> noisy, manifest = corrupt(document, spec)
    >>> noisy["annotations"][0]["category_id"]
    18
    """
    clean: list[Annotation] = document["annotations"]
    current, reports = list(clean), []
    table = AnnotationTable.of(document)
    check_steps(spec.steps, document, table)
    largest_id = max(table.numbers.tolist(), default=0)
    for step, draws in steps_with_draws(spec):
        state = {**document, "annotations": current}
        kind = noise_type(step.type)
        with kind.faults_told():
            current, report = kind.family.step(
                step, state, draws, largest_id=largest_id, workers=workers
            )
        reports.append(report)
    if current == clean:  # steps that undid each other, but for the way to write a number
        current = clean
    return {**document, "annotations": current}, _manifest(clean, table, spec, current, reports)


def steps_with_draws(spec: NoiseSpec) -> list[tuple[NoiseStep, StepDraws]]:
    """Each step and its own draws, in order."""
    seen: Counter[str] = Counter()
    found = []
    for step in spec.steps:
        draws = StepDraws(seed=spec.seed, kind=step.type, occurrence=seen[step.type])
        found.append((step, draws))
        seen[step.type] += 1
    return found


def _manifest(
    clean: Sequence[Annotation],
    table: AnnotationTable,
    spec: NoiseSpec,
    noisy: Sequence[Annotation],
    reports: Sequence[Mapping[str, Any]],
) -> DocumentManifest:
    index_of = {number: index for index, number in enumerate(table.categories.ids)}
    by_id = {entry["id"]: entry for entry in noisy}
    after, kept = table.classes.copy(), np.ones(len(clean), dtype=np.bool_)
    geometry, removed = [], []
    for place, old in enumerate(clean):
        new = by_id.pop(old["id"], None)
        if new is None:
            kept[place] = False
            removed.append((place, old))
        elif new is not old:
            after[place] = index_of[new["category_id"]]
            fields = {
                key: old[key]
                for key in GEOMETRY_FIELDS
                if key in old and not is_written_alike(old[key], new[key])
            }
            if fields:
                geometry.append((old["id"], fields))
    return build_manifest(
        spec,
        table,
        after,
        [dict(report) for report in reports],
        kept=kept,
        geometry=geometry,
        removed=removed,
        added=list(by_id.values()),
    )
