"""The `data` section of a suite: which annotation files, images and classes a run uses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.checked_values import file_name, integer, list_of, text
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.datasets.shapes import ShapesSettings, annotation_file, generate_shapes
from noisyseg.bench.datasets.split import Split
from noisyseg.bench.yaml_file import Located, check_keys, located
from noisyseg.errors import InputError

SPLITS = ("train", "eval")
POLICIES = ("any", "only-these-classes")


@dataclass(kw_only=True, slots=True, frozen=True)
class DataSource:
    """A data set as a suite names it.

    Attributes:
        classes: the run's classes in order; None means every category of the training file.
        policy: `any` keeps images that also hold other classes (those annotations are left out),
            `only-these-classes` leaves such images out.
    """

    name: str
    train: Split
    eval: Split
    classes: list[str] | None
    policy: str


def load_source(raw: Located, *, root: Path) -> DataSource:
    """The data set that a suite's `data` section names; `shapes` is generated if it is not there.

    Args:
        raw: with `format: shapes` or `format: coco`.
        root: folder that relative paths start from; the cache of `shapes`.
    Raises:
        InputError: unknown format or key, unfit value.
    """
    formats = {"shapes": _shapes, "coco": _coco}
    kind = raw.get("format", "coco")
    if not isinstance(kind, str) or kind not in formats:
        raise InputError(
            f"{raw.where('format')}: format must be one of {', '.join(formats)}, got {kind!r}."
        )
    return formats[kind](raw, root)


def _shapes(raw: Located, root: Path) -> DataSource:
    settings = ("seed", "size", "train_images", "val_images")
    check_keys(raw, what="data of format shapes", optional=("name", "format", *settings))
    name = file_name(raw, "name") if "name" in raw else "shapes"
    try:
        chosen = ShapesSettings(**{key: raw[key] for key in settings if key in raw})
    except InputError as error:
        raise InputError(f"{raw.where()}: {error}") from error
    folder = generate_shapes(root, chosen)
    splits = {
        split: Split(annotations=annotation_file(folder, split), images=folder / split)
        for split in ("train", "val")
    }
    return DataSource(
        name=name,
        train=splits["train"],
        eval=splits["val"],
        classes=list(CLASSES),
        policy="any",
    )


def _coco(raw: Located, root: Path) -> DataSource:
    check_keys(
        raw,
        what="data of format coco",
        required=("name", *SPLITS),
        optional=("format", "classes", "images"),
    )
    policy = raw.get("images", "any")
    if policy not in POLICIES:
        raise InputError(
            f"{raw.where('images')}: images must be one of {', '.join(POLICIES)}, got {policy!r}."
        )
    classes = None
    if "classes" in raw:
        classes = list_of(raw, "classes", str, kind_name="category names", least=1)
    train, evaluation = (_split(raw, split, root) for split in SPLITS)
    return DataSource(
        name=file_name(raw, "name"), train=train, eval=evaluation, classes=classes, policy=policy
    )


def _split(raw: Located, split: str, root: Path) -> Split:
    section = located(raw[split], what=split, where=raw.where(split))
    check_keys(section, what=split, required=("annotations", "images"), optional=("limit",))
    paths: dict[str, Any] = {key: root / text(section, key) for key in ("annotations", "images")}
    if not paths["images"].is_dir():
        raise InputError(
            f"{section.where('images')}: no folder of images at {paths['images']}. Relative paths "
            "start from the suite file's folder, or from --data-root."
        )
    limit = integer(section, "limit", least=1) if section.get("limit") is not None else None
    return Split(annotations=paths["annotations"], images=paths["images"], limit=limit)
