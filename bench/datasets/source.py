"""The `data` section of a suite: which annotation files, images and classes a run uses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.datasets.catalogue import VOC_MASKS
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.datasets.shapes import ShapesSettings, annotation_file, generate_shapes
from noisyseg.bench.datasets.split import Split
from noisyseg.checked_values import file_name, integer, list_of, text
from noisyseg.errors import InputError
from noisyseg.located_yaml import Located, check_keys, located

KNOWN_NAMES = ("voc2012", "coco2017", "cityscapes")
SPLITS = ("train", "eval")
POLICIES = ("any", "only-these-classes")


@dataclass(kw_only=True, slots=True, frozen=True)
class DataSource:
    """A data set as a suite names it.

    Attributes:
        classes: the run's classes in order; None means every category of the training file.
        policy: `any` keeps images that also hold other classes (those annotations are left out),
            `only-these-classes` leaves such images out.
        test: images without annotations, which COCO's server scores; None for most data sets.
    """

    name: str
    train: Split
    eval: Split
    classes: list[str] | None
    policy: str
    test: Split | None = None


@dataclass(kw_only=True, slots=True, frozen=True)
class DataOptions:
    """What the command line says of a data set.

    Attributes:
        cache: folder for prepared files where the data's own folder cannot be written to.
        masks: VOC's mask source in place of the suite's.
        allow_partial: whether fewer images than the official number will do.
    """

    cache: Path | None = None
    masks: str | None = None
    allow_partial: bool = False


def load_source(
    raw: Located, *, root: Path | None, options: DataOptions | None = None
) -> DataSource:
    """The data set that a suite's `data` section names.

    `shapes` is generated, VOC and Cityscapes are converted, if that is not done yet.

    Args:
        raw: its `format` is shapes, coco, voc2012, coco2017 or cityscapes.
        root: folder that relative paths start from; the cache of `shapes`; None where none is
            known.
        options: of the command line.
    Raises:
        InputError: unknown format or key, unfit value, data that are not there.
    """
    options = options or DataOptions()
    kind = data_format(raw)
    if options.masks is not None and kind != "voc2012":
        raise InputError(f"--masks chooses VOC's masks; the suite's data are {kind}.")
    if root is None:
        raise InputError(
            f"{raw.where()}: where the data set {kind} lies must be said: --data-root FOLDER."
        )
    if kind in KNOWN_NAMES:
        return _known(raw, kind, root, options)
    return {"shapes": _shapes, "coco": _coco}[kind](raw, root)


def data_format(raw: Located) -> str:
    """The format of a `data` section.

    Raises:
        InputError: an unknown one.
    """
    formats = ("shapes", "coco", *KNOWN_NAMES)
    kind = raw.get("format", "coco")
    if not isinstance(kind, str) or kind not in formats:
        raise InputError(
            f"{raw.where('format')}: format must be one of {', '.join(formats)}, got {kind!r}."
        )
    return kind


def masks_of(raw: Located, options: DataOptions) -> str:
    """VOC's mask source: the command line's, else the suite's, else boxes.

    Raises:
        InputError: an unknown one.
    """
    masks = options.masks or raw.get("masks", "box")
    if masks not in VOC_MASKS:
        raise InputError(
            f"{raw.where('masks')}: masks must be one of {', '.join(VOC_MASKS)}, got {masks!r}."
        )
    return str(masks)


def _known(raw: Located, kind: str, root: Path, options: DataOptions) -> DataSource:
    """VOC, COCO or Cityscapes, from the official archives."""
    # Imported here: other data need no reader of .mat files.
    from noisyseg.bench.datasets.known import make_ready

    own = ("masks",) if kind == "voc2012" else ()
    check_keys(raw, what=f"data of format {kind}", optional=("format", "classes", "images", *own))
    classes, policy = _choice(raw)
    ready = make_ready(
        kind,
        root=root,
        cache=options.cache or root,
        masks=masks_of(raw, options),
        allow_partial=options.allow_partial,
    )
    return DataSource(
        name=ready.name,
        train=ready.train,
        eval=ready.eval,
        classes=classes or ready.classes,
        policy=policy,
        test=_test_dev(ready.eval) if kind == "coco2017" else None,
    )


def _test_dev(val: Split) -> Split:
    """COCO's test-dev images; whether they are there is asked when they are needed."""
    return Split(
        annotations=val.annotations.parent / "image_info_test-dev2017.json",
        images=val.images.parent / "test2017",
    )


def _choice(raw: Located) -> tuple[list[str] | None, str]:
    """The chosen classes, None for all, and what becomes of images with others."""
    policy = raw.get("images", "any")
    if policy not in POLICIES:
        raise InputError(
            f"{raw.where('images')}: images must be one of {', '.join(POLICIES)}, got {policy!r}."
        )
    if "classes" not in raw:
        return None, policy
    return list_of(raw, "classes", str, kind_name="category names", least=1), policy


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
    classes, policy = _choice(raw)
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
