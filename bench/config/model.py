"""Models: mmdet detector configurations as data, and the weights they start from."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypedDict

from noisyseg.bench.config.shipped import read_with_base
from noisyseg.bench.config.weights import PREFIX, torchvision_weights
from noisyseg.bench.datasets.shipped_files import placed_path
from noisyseg.checked_values import checked, integer, section, text
from noisyseg.errors import InputError
from noisyseg.files import canonical_json, sha256_file
from noisyseg.located_yaml import Located, plain


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


class _Written(TypedDict):
    name: Annotated[str, text]
    version: Annotated[int, partial(integer, least=1)]
    weights: Annotated[str, text]
    detector: Annotated[Located, section]  # free: mmdet says what its parts take


def load_model(
    source: str | Located,
    *,
    where: str,
    root: Path,
    random_weights: bool = False,
    download: bool = True,
) -> Model:
    """A model from its shipped name, or from a mapping with `extends` and what differs.

    Args:
        source: e.g. `mask-rcnn-tiny` or {extends: mask-rcnn-mobilenetv2, weights: file.pth}.
        where: the place that source came from.
        root: folder that a relative `weights` path starts from; one that begins with `shipped://`
            names a file that comes with noisyseg.
        random_weights: whether to leave pretrained weights out, whatever source says of them.
        download: whether weights by torchvision's name may be fetched if they are not there.
    Raises:
        InputError: unknown name or key, absent weights, a part named by an import path or with
            weights of its own, a value that JSON cannot hold.
    """
    raw = read_with_base("model", source, where=where)
    written = checked(raw, _Written, what="a model")
    _check_parts(written["detector"], raw.where("detector"))
    _check_left_open(written["detector"])
    return Model(
        name=written["name"],
        version=written["version"],
        detector=plain(written["detector"]),
        weights=None if random_weights else _weights(raw, root, where, download=download),
    )


def _check_parts(detector: Located, where: str) -> None:
    for key, value, place in _entries(detector, where):
        # A registry resolves a dotted name by importing it: a suite file must not run code.
        named = value is None or (isinstance(value, str) and value.isidentifier())
        if key == "type" and not named:
            raise InputError(
                f"{place}: a part's type must be the plain name of an mmdet class, got {value!r}."
            )
        # mmdet would fetch and unpickle such a file, and the run key would not hold its content.
        if key in ("checkpoint", "pretrained") and value is not None:
            raise InputError(
                f"{place}: a part has no weights of its own here, got {key}: {value!r}. Name the "
                "backbone's file under the model's key weights."
            )
    try:
        canonical_json(detector)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: a detector holds what JSON cannot: {error}.") from error


def _check_left_open(detector: Located) -> None:
    """Refuse what a run fills in: it would enter the run key and change nothing."""
    roi_head = detector.get("roi_head")
    if not isinstance(roi_head, Located):
        return
    for head, filled in (
        ("bbox_head", ("num_classes", "loss_cls")),
        ("mask_head", ("num_classes",)),
    ):
        for key, _, place in _entries([roi_head.get(head)], ""):
            if key in filled:
                raise InputError(
                    f"{place}: leave out {key} of the {head}: the run's classes and its method "
                    "decide it."
                )


def _entries(value: Any, where: str) -> Iterator[tuple[str, Any, str]]:
    """Every key and value in a detector, at any depth, and the place of the nearest mapping."""
    if isinstance(value, Located):
        for key, entry in value.items():
            yield key, entry, value.where(key)
            yield from _entries(entry, value.where(key))
    elif isinstance(value, list):
        for entry in value:
            yield from _entries(entry, where)


def _weights(raw: Located, root: Path, where: str, *, download: bool) -> Path | None:
    value = text(raw, "weights")
    if value == "none":
        return None
    if value == "required":
        raise InputError(
            f"{where}: {raw['name']} starts from pretrained weights. Name their "
            f"file in the suite: model: {{extends: {raw['name']}, weights: FILE.pth}} "
            "(a path relative to the data root), or say weights: none to train from scratch."
        )
    if value.startswith(PREFIX):
        return torchvision_weights(value, where=raw.where("weights"), download=download)
    path = placed_path(value, root, where=raw.where("weights"))
    if not path.is_file():
        raise InputError(f"{raw.where('weights')}: no weights file at {path}.")
    return path
