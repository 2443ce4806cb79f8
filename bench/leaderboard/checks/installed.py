"""What the installed suite and the verifier's own data say of each cell: the spec of its run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.datasets.preparation import VERSION, CheckedData, write_prepared
from noisyseg.bench.datasets.source import names_in_records
from noisyseg.bench.leaderboard.checks.check import named, shown
from noisyseg.bench.runs.inputs import NoiseSettings, parse_noise
from noisyseg.bench.runs.recorded_runs import VERSIONS
from noisyseg.errors import InputError
from noisyseg.noise.spec import NoiseSpec
from noisyseg.results.leaderboard.text import checked_text


class Cell(NamedTuple):
    """A noise setting and seeds; a clean run has no noise seed."""

    noise: str
    noise_seed: int | None
    train_seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What a bundle is held against.

    Attributes:
        suite: the verifier's, with all of its methods and noise settings.
        data: the verifier's; None without.
        settings: label → noise of the suite.
        common: what all specs have alike: schema, data, protocol, model, training, eval. Without
            data or weights, the bundle's word stands in their place.
        shared: folder for prepared and noisy annotation files.
        has_weights: whether the weights that the model starts from are there.
    """

    suite: Suite
    data: CheckedData | None
    settings: NoiseSettings
    common: Mapping[str, Any]
    shared: Path
    has_weights: bool

    @property
    def eval_file(self) -> Path | None:
        """The annotations evaluated on; None without data."""
        return None if self.data is None else self.data.file("eval", self.shared)

    def noise(self, cell: Cell) -> NoiseSpec | None:
        """A cell's noise; None for clean, and for a noisy setting without a noise seed.

        Raises:
            LookupError: no such setting.
        """
        steps = self.settings[cell.noise]
        if steps is None or cell.noise_seed is None:
            return None
        return NoiseSpec(steps=steps, seed=cell.noise_seed)

    def is_cell(self, cell: Cell) -> bool:
        """Whether a run can be of it: a noisy one has a noise seed, a clean one has none."""
        return (self.settings[cell.noise] is None) == (cell.noise_seed is None)

    def spec(self, cell: Cell, method: Mapping[str, Any]) -> dict[str, Any]:
        """The spec of a method's run in a cell."""
        noise = self.noise(cell)
        return {
            **self.common,
            "method": method,
            "noise": None if noise is None else noise.resolved(),
            "train_seed": cell.train_seed,
        }


def installed(
    suite: Suite,
    data: CheckedData | None,
    shared: Path,
    *,
    stated: Mapping[str, Any],
    has_weights: bool = True,
) -> Installed:
    """What a bundle of a suite is held against; prepared files are written below `shared`.

    Args:
        suite: the verifier's.
        data: the verifier's, checked; None: not there.
        shared: folder for prepared and noisy annotation files.
        stated: what the bundle says of its data and its model, as specs do.
        has_weights: whether the suite's model has its weights.

    Raises:
        InputError: without data: no usable name or classes in the bundle's word on them; noise that
            does not fit the classes.
    """
    if data is not None:
        write_prepared(data, shared)
    model = suite.model.resolved()
    if not has_weights:
        model["weights_sha256"] = _weights_without(stated["model"].get("weights_sha256"))
    resolved = _data_without(suite, stated["data"]) if data is None else data.resolved
    try:
        settings = parse_noise(suite, resolved["classes"])
    except InputError as error:
        if data is not None:
            raise
        raise InputError(
            f"data.classes: {named(resolved['classes'])} are no classes of suite {suite.name}, "
            "whose noise cannot be made of them"
        ) from error
    return Installed(
        suite=suite,
        data=data,
        settings=settings,
        common={
            **VERSIONS,
            "data": resolved,
            "protocol": suite.protocol,
            "model": model,
        },
        shared=shared,
        has_weights=has_weights,
    )


def _weights_without(stated: object) -> str:
    """What a spec says of weights that are not here: it cannot be that there are none."""
    if isinstance(stated, str) and re.fullmatch("[0-9a-f]{64}", stated):
        return stated
    return "the SHA-256 of the suite's weights"


def _data_without(suite: Suite, stated: Mapping[str, Any]) -> dict[str, Any]:
    """What a spec says of its data, but what the suite decides as the suite has it."""
    raw, names = suite.data, names_in_records(suite.data, suite.data_options)
    classes = raw.get("classes") or stated.get("classes")
    if not isinstance(classes, list) or not classes:
        raise InputError(f"data.classes: wanted names of classes, got {shown(classes)}")
    for number, name in enumerate(classes):
        checked_text(name, f"data.classes[{number}]", 100)
    return {
        "name": stated.get("name") if stated.get("name") in names else names[0],
        "version": VERSION,
        "train_sha256": stated.get("train_sha256"),
        "eval_sha256": stated.get("eval_sha256"),
        "classes": list(classes),
        "images": raw.get("images", "any"),
        "limit": {part: raw.get(part, {}).get("limit") for part in ("train", "eval")},
    }
