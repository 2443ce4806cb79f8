"""Models: mmdet detector configurations as data, and the weights they start from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.checked_values import integer, text
from noisyseg.bench.shipped import read_with_base
from noisyseg.bench.yaml_file import Located, check_keys, located, plain
from noisyseg.errors import InputError
from noisyseg.files import sha256_file


@dataclass(kw_only=True, slots=True, frozen=True)
class Model:
    """A detector and its initial weights.

    Attributes:
        detector: mmdet's configuration, without num_classes and the class loss.
        weights: the backbone's weights file; None trains from scratch.
    """

    name: str
    version: int
    detector: dict[str, Any]
    weights: Path | None

    def resolved(self) -> dict[str, Any]:
        """What enters the run key: every value, and the weights by content."""
        return {
            "name": self.name,
            "version": self.version,
            "detector": self.detector,
            "weights_sha256": None if self.weights is None else sha256_file(self.weights),
        }


def load_model(source: str | Located, *, where: str, root: Path) -> Model:
    """A model from its shipped name, or from a mapping with `extends` and what differs.

    Args:
        source: e.g. `mask-rcnn-tiny` or {extends: mask-rcnn-mobilenetv2, weights: file.pth}.
        where: the place that source came from.
        root: folder that a relative `weights` path starts from.
    Raises:
        InputError: unknown name or key, absent weights, a part named by an import path.
    """
    raw = read_with_base("model", source, where=where)
    check_keys(raw, what="a model", required=("name", "version", "weights", "detector"))
    detector = located(raw["detector"], what="detector", where=raw.where("detector"))
    for part in _part_types(detector):
        # A registry resolves a dotted name by importing it: a suite file must not run code.
        if not isinstance(part, str) or not part.isidentifier():
            raise InputError(
                f"{raw.where('detector')}: a part's type must be the plain name of an mmdet class, "
                f"got {part!r}."
            )
    return Model(
        name=text(raw, "name"),
        version=integer(raw, "version", least=1),
        detector=plain(detector),
        weights=_weights(raw, root),
    )


def _part_types(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from (entry for key, entry in value.items() if key == "type" and entry is not None)
        for entry in value.values():
            yield from _part_types(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _part_types(entry)


def _weights(raw: Located, root: Path) -> Path | None:
    value = text(raw, "weights")
    if value == "none":
        return None
    if value == "required":
        raise InputError(
            f"{raw.where('weights')}: {raw['name']} starts from pretrained weights. Name their "
            f"file in the suite: model: {{extends: {raw['name']}, weights: FILE.pth}} "
            "(a path relative to the data root), or say weights: none to train from scratch."
        )
    path = root / value
    if not path.is_file():
        raise InputError(f"{raw.where('weights')}: no weights file at {path}.")
    return path
