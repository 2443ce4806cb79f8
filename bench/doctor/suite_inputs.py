"""The data and the weights of suites, looked at without writing or downloading anything."""

import re
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from noisyseg.bench.doctor.finding import Finding, ok, problem, warning
from noisyseg.errors import InputError, UnusableFileError

if TYPE_CHECKING:
    from noisyseg.bench.config.suite import Suite

_WEIGHTS = re.compile(r"torchvision://(\w+)")


class Place(NamedTuple):
    """Where a suite's inputs and its runs are, and which of its variants is meant.

    Attributes:
        root, out, variant, masks, allow_partial: as the options of those names have them.
    """

    root: Path | None
    out: Path
    variant: str | None = None
    masks: str | None = None
    allow_partial: bool = False


def one_suite(name: str, place: Place) -> Iterator[Finding]:
    """Whether a suite can be read, and its weights and data used."""
    from noisyseg.bench.config.shipped import is_file
    from noisyseg.bench.runs.inputs import check
    from noisyseg.results.records.store import RunStore

    try:
        suite = suite_of(name, place, random_weights=True)
    except InputError as error:
        mend = f"validate {quote(name)}{_option(place)}" if is_file(name) else "list"
        yield problem(f"suite {name}", str(error), f"noisyseg suite {mend}")
        return
    yield _weights(name, place)
    try:
        data, _ = check(suite, RunStore(place.out))
    except InputError as error:
        yield problem(f"data of {name}", str(error), _mend_of_data(suite, place, error))
        return
    where = data.source.train.annotations
    counts = f"{len(data.parts['train'].images)} and {data.eval_images} images"
    yield ok(f"data of {name}", f"{counts}, {len(data.classes)} classes, {where}")
    if data.warnings:
        text = f"{len(data.warnings)} things to know, such as: {data.warnings[0]}"
        yield warning(f"data of {name}", text, f"noisyseg suite validate {name}{_option(place)}")


def shipped_suites(place: Place) -> Iterator[Finding]:
    """Which of the shipped suites have their data here, and of those, which lack their weights."""
    from noisyseg.bench.config.shipped import shipped_names

    there: list[str] = []
    absent: list[str] = []
    for name in shipped_names("suite"):
        found = _data_there(name, place)
        (there if found else absent).append(name)
        weights = _weights(name, place)
        if found and weights.level != "ok":
            yield weights
    if there:
        yield ok("suites", f"data there, or made by run: {', '.join(there)}")
    if absent:
        where = "no --data-root was given" if place.root is None else f"not below {place.root}"
        text = f"data not looked at ({where}): {', '.join(absent)}"
        yield ok("suites", text)


def suite_of(name: str, place: Place, *, random_weights: bool) -> "Suite":
    """The suite, without any download.

    Raises:
        InputError: as `load_suite`.
    """
    from noisyseg.bench.config.suite import Choices, load_suite
    from noisyseg.bench.datasets.cache import cache_folder

    choices = Choices(
        variant=place.variant,
        masks=place.masks,
        allow_partial=place.allow_partial,
        random_weights=random_weights,
        download=False,
    )
    return load_suite(name, data_root=place.root, cache=cache_folder(), choices=choices)


def input_files(name: str, place: Place) -> list[Path]:
    """Files and folders that a suite's runs read on every node; none where they are not here."""
    from noisyseg.bench.datasets.source import load_source

    try:
        suite = suite_of(name, place, random_weights=False)
        ready = load_source(suite.data, root=suite.data_root, options=suite.data_options)
    except InputError:  # which `one_suite` says
        return []
    found = [ready.train.images, ready.eval.images]
    if suite.model.weights is not None:
        found.append(suite.model.weights)
    return [path.absolute() for path in found if path.exists()]


def _weights(name: str, place: Place) -> Finding:
    from noisyseg.bench.config.weights import AbsentWeightsError

    what = f"weights of {name}"
    try:
        weights = suite_of(name, place, random_weights=False).model.weights
    except AbsentWeightsError as error:
        return warning(what, str(error), _download(str(error)))
    except InputError as error:
        return problem(what, str(error), f"noisyseg suite show {name}  # names the file")
    return ok(what, "none: it trains from scratch" if weights is None else str(weights))


def _download(message: str) -> str:
    """The command that fetches the weights which a message names."""
    from noisyseg.bench.config.weights import BASE_URL, FILES, checkpoints_folder

    match = _WEIGHTS.search(message)
    file = FILES[match[1]] if match else "FILE"
    target = quote(str(checkpoints_folder() / file))
    return f"curl -fL --create-dirs -o {target} {BASE_URL}/{file}"


def _data_there(name: str, place: Place) -> bool:
    """Whether they are there as runs use them, or run can make them."""
    from noisyseg.bench.datasets.formats.registry import format_of
    from noisyseg.bench.datasets.source import found_source

    try:
        suite = suite_of(name, place, random_weights=True)
        found_source(suite.data, root=suite.data_root, options=suite.data_options)
    except InputError:
        return False
    return suite.data_root is not None or format_of(suite.data).built_in


def _mend_of_data(suite: "Suite", place: Place, error: InputError) -> str:
    from noisyseg.bench.datasets.formats.registry import format_of

    known = format_of(suite.data)
    if suite.data_root is None:
        return f"noisyseg doctor {suite.name} --data-root FOLDER"
    if known.required:  # files of the user's own
        return f"noisyseg suite validate {quote(str(suite.file))}{_option(place)}"
    root = "" if place.root is None else f" --root {quote(str(place.root))}"
    if isinstance(error, UnusableFileError):
        return f"noisyseg data check {known.name}{root}"
    return f"noisyseg data list{root}  # says what is wanted, and how it is got"


def _option(place: Place) -> str:
    return "" if place.root is None else f" --data-root {quote(str(place.root))}"
