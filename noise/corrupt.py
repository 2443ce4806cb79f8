"""Apply a noise spec to the annotations of a COCO document."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from noisyseg.errors import InputError
from noisyseg.noise.annotations import CocoDocument
from noisyseg.noise.class_noise import NOISE_TYPES, ClassStep, Indices, Words
from noisyseg.noise.draws import as_words
from noisyseg.noise.manifest import Manifest, build_manifest, step_entry
from noisyseg.noise.spec import NoiseSpec, NoiseStep


def corrupt(document: CocoDocument, spec: NoiseSpec) -> tuple[CocoDocument, Manifest]:
    """The document with noisy classes, and the manifest of what was changed.

    The document's categories, in file order, are the classes: choose a subset before. Crowd
    annotations are left alone. The input is not changed; the result shares with it every entry
    that stays the same, and a changed one is a copy with another `category_id`.

    Args:
        document: as `read_annotations` gives it, or checked by `check_document`.
        spec: what to apply.

    Returns:
        The noisy document, and its manifest but for the two checksums, which belong to files:
        `write_noisy` adds them.

    Raises:
        InputError: symmetric noise with fewer than two classes; a map with a class that is absent.
    """
    annotations, categories = document["annotations"], document["categories"]
    index_of = {category["id"]: index for index, category in enumerate(categories)}
    places = [place for place, entry in enumerate(annotations) if not entry.get("iscrowd", 0)]
    ids = as_words([annotations[place]["id"] for place in places])
    clean = np.array(
        [index_of[annotations[place]["category_id"]] for place in places], dtype=np.int64
    )
    names = [category["name"] for category in categories]
    noisy, steps = _apply_steps(ids, clean, names, spec)

    corrupted, changes = list(annotations), []
    for position in np.flatnonzero(clean != noisy).tolist():
        old = annotations[places[position]]
        new_category = categories[noisy[position]]["id"]
        corrupted[places[position]] = {**old, "category_id": new_category}
        changes.append([old["id"], old["category_id"], new_category])

    manifest = build_manifest(spec, categories, clean, noisy)
    manifest["annotations"] = {
        "total": len(annotations),
        "crowd": len(annotations) - len(places),
        "changed": len(changes),
    }
    manifest["changes"] = sorted(changes)
    manifest["steps"] = steps
    return {**document, "annotations": corrupted}, manifest


def _apply_steps(
    ids: Words, clean: Indices, names: Sequence[str], spec: NoiseSpec
) -> tuple[Indices, list[dict[str, Any]]]:
    current, entries = clean, []
    seen: Counter[str] = Counter()
    for step in spec.steps:
        kind = NOISE_TYPES[step.type]
        class_step = ClassStep(
            num_classes=len(names),
            rate=step.rate,
            seed=spec.seed,
            kind=step.type,
            occurrence=seen[step.type],
            targets=_target_indices(step, names),
        )
        after = kind.flip(ids, current, class_step)
        eligible = kind.eligible(current, class_step)
        entries.append(step_entry(step, current, after, eligible, len(names)))
        current = after
        seen[step.type] += 1
    return current, entries


def _target_indices(step: NoiseStep, names: Sequence[str]) -> Indices | None:
    if step.pairs is None:
        return None
    index_of = {name: index for index, name in enumerate(names)}
    absent = sorted({name for pair in step.pairs for name in pair} - index_of.keys())
    if absent:
        raise InputError(
            f"the class map of {step.type} noise names {', '.join(map(repr, absent))}, but the "
            f"annotations' categories are {', '.join(names)}. Leave those pairs out."
        )
    targets = np.full(len(names), -1, dtype=np.int64)
    for source, target in step.pairs:
        targets[index_of[source]] = index_of[target]
    return targets
