"""The `data` section of a suite: which annotation files, images and classes a run uses."""

from dataclasses import replace
from pathlib import Path

from noisyseg.bench.datasets.data_format import DataOptions, DataSet
from noisyseg.bench.datasets.formats.registry import format_of, refuse_masks
from noisyseg.bench.datasets.ready import Ready
from noisyseg.bench.datasets.shipped_files import is_shipped
from noisyseg.checked_values import list_of
from noisyseg.errors import InputError
from noisyseg.located_yaml import Located, check_keys

POLICIES = ("any", "only-these-classes")


def load_source(
    raw: Located, *, root: Path | None, options: DataOptions | None = None, make: bool = False
) -> Ready:
    """The data set that a suite's `data` section names.

    Args:
        raw: its `format` is one of `FORMATS`.
        root: folder that relative paths start from; the cache of `shapes`; None where none is
            known.
        options: of the command line.
        make: whether what is not there yet is drawn or converted; else nothing is written, and its
            annotations are in memory alone.
    Raises:
        InputError: unknown format or key, unfit value, data that are not there.
    """
    classes, policy = _choice(raw)
    data = _located(raw, root, options or DataOptions())
    ready = data.make() if make else data.foresee()
    return replace(ready, classes=classes or ready.classes, policy=policy)


def found_source(raw: Located, *, root: Path | None, options: DataOptions) -> Ready | None:
    """As `load_source`, of data that are there as runs use them; None where they must be made.

    Raises:
        InputError: as `load_source`.
    """
    if _located(raw, root, options).find() is None:
        return None
    return load_source(raw, root=root, options=options)


def names_in_records(raw: Located, options: DataOptions) -> list[str]:
    """What records call the data set of a `data` section, whether or not it is there.

    Raises:
        InputError: an unknown format.
    """
    known = format_of(raw)
    name = str(raw.get("name", known.name))
    if known.masks:
        name = f"{name}-{options.masks or raw.get('masks', known.masks[-1])}"
    partial = options.allow_partial and known.official(raw, options) is not None
    return [name, f"{name}-partial"] if partial else [name]


def _located(raw: Located, root: Path | None, options: DataOptions) -> DataSet:
    known = format_of(raw)
    refuse_masks(known, options, f"the suite's data are {known.name}")
    if root is None:
        raise InputError(
            f"{raw.where()}: where the data set {known.name} lies must be said: --data-root FOLDER."
        )
    what = f"data of format {known.name}"
    optional = ("format", *known.optional)
    check_keys(raw, what=what, required=known.required, optional=optional)
    return known.locate(raw, root, options)


def usual_root(file: Path | None, data: Located, cache: Path) -> Path | None:
    """Where data lie that no one has said a place of.

    Args:
        file: the suite's, which they lie beside; None for a suite that comes with noisyseg.
        data: the suite's section, of a known format.
        cache: folder of what noisyseg makes itself; what comes with it needs no place.
    Raises:
        InputError: an unknown format.
    """
    if format_of(data).built_in or (file is None and is_shipped(data)):
        return cache
    return None if file is None else file.parent


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
