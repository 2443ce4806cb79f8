"""What a person should know of noise that was made though it may not be what they meant."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from noisyseg.annotation_files.document import CocoDocument
from noisyseg.noise.corrupt import corrupt
from noisyseg.noise.spec import NoiseSpec
from noisyseg.noise.types.registry import noise_type

_CHANGED = ("flipped", "changed", "removed", "added")  # what a family's report counts
_NAMED = 10


def noise_warnings(manifest: Mapping[str, Any]) -> list[str]:
    """Steps that changed nothing, and labels of classes that the clean file has no annotation of.

    Args:
        manifest: as `noise.manifest` describes it.

    Returns:
        A text each, without "warning: " before it.
    """
    numbers = range(1, len(manifest["steps"]) + 1)
    return [*_idle_steps(manifest, numbers), *_labels_from_nowhere(manifest)]


def foreseen_warnings(document: CocoDocument, spec: NoiseSpec) -> list[str]:
    """What `noise_warnings` will say of noise that is not made yet, but for its mask and box steps.

    Those take long, and change neither labels nor what the other steps draw.

    Args:
        document: a checked COCO document.
        spec: what will be applied to it.

    Raises:
        InputError: the noise does not fit the document.
    """
    labelled = [
        (number, step)
        for number, step in enumerate(spec.steps, start=1)
        if noise_type(step.type).family.decides_labels
    ]
    if not labelled:
        return []
    steps = tuple(step for _, step in labelled)
    _, manifest = corrupt(document, NoiseSpec(steps=steps, seed=spec.seed))
    numbers = [number for number, _ in labelled]
    return [*_idle_steps(manifest, numbers), *_labels_from_nowhere(manifest)]


def _idle_steps(manifest: Mapping[str, Any], numbers: Iterable[int]) -> Iterator[str]:
    crowds = manifest["annotations"]["crowd"]
    steps = zip(numbers, manifest["steps"], manifest["spec"]["steps"], strict=True)
    for number, report, step in steps:
        if not _number_changed(report):
            aside = crowds if step.get("crowds") is False else 0
            nothing = _nothing(report, aside)
            yield f"step {number}, {report['type']}: it changed nothing: {nothing}"


def _number_changed(report: Mapping[str, Any]) -> int:
    return sum(report.get(key) or 0 for key in _CHANGED)


def _nothing(report: Mapping[str, Any], crowds: int) -> str:
    what = next((key for key in _CHANGED if key in report), "changed")
    text = f"0 {what} of {report['eligible']} eligible annotations"
    if report["intended_rate"] == 0:
        return f"{text}, at a rate of 0."
    if report["eligible"]:
        return f"{text}."
    aside = f", {crowds} crowds aside (`crowds: true` takes them, too)" if crowds else ""
    return f"{text}: the file has none that it could change{aside}."


def _labels_from_nowhere(manifest: Mapping[str, Any]) -> Iterator[str]:
    classes, counts = manifest["classes"], manifest["counts"]
    stayed = [sum(row[place] for row in counts) for place in range(len(classes))]
    flipped = sum(map(sum, counts)) - sum(row[place] for place, row in enumerate(counts))
    empty = [place for place, entry in enumerate(classes) if not entry["clean"]]
    received = {classes[place]["name"]: stayed[place] for place in empty}
    added = {classes[place]["name"]: classes[place]["noisy"] - stayed[place] for place in empty}
    aside = " (crowds aside)" if manifest["annotations"]["crowd"] else ""
    for numbers, total, what in (
        (received, flipped, "flipped labels"),
        (added, manifest["annotations"]["added"], "added annotations"),
    ):
        if some := sum(numbers.values()):
            yield (
                f"{some} of {total} {what} ({100 * some / total:.1f} %) are of classes that the "
                f"clean file has no annotation of{aside}: {_named(numbers)}. If these are no "
                "classes of the data, such as an exporter's root or background class, leave them "
                "out: `classes` in a suite, `--classes` of `noise make`, or `exempt` in the step."
            )


def _named(numbers: Mapping[str, int]) -> str:
    some = [f"{name!r} ({count})" for name, count in numbers.items() if count]
    more = f" and {len(some) - _NAMED} more" if len(some) > _NAMED else ""
    return ", ".join(some[:_NAMED]) + more
