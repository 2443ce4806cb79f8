"""What noise to apply: an ordered list of steps with a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.errors import InputError, unknown_name
from noisyseg.noise.class_map import load_map
from noisyseg.noise.class_noise import NOISE_TYPES

CONVENTIONS: tuple[str, ...] = ("paper",)
MAX_SEED = 2**64 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseStep:
    """One type of noise at one rate.

    Attributes:
        type: a name in `NOISE_TYPES`.
        rate: probability that an eligible annotation flips, in [0, 1]; stored as a float.
        pairs: for `asymmetric` (source class, target class), each source once; stored sorted, so
            that a map means the same in whatever order it is written. None for other types.

    Raises:
        InputError: an unknown type or a value that does not fit it.
    """

    type: str
    rate: float
    pairs: tuple[tuple[str, str], ...] | None = None

    def __post_init__(self) -> None:
        if self.type not in NOISE_TYPES:
            raise unknown_name("noise type", self.type, NOISE_TYPES)
        object.__setattr__(self, "rate", _checked_rate(self.rate))
        takes_map = "map" in NOISE_TYPES[self.type].parameters
        if takes_map != (self.pairs is not None):
            needs = "needs a class map" if takes_map else "takes no class map"
            raise InputError(f"{self.type} noise {needs}.")
        if self.pairs is not None:
            object.__setattr__(self, "pairs", _checked_pairs(self.pairs))

    def resolved(self) -> dict[str, Any]:
        """The step with its version and every parameter, as JSON-able data."""
        data: dict[str, Any] = {
            "type": self.type,
            "version": NOISE_TYPES[self.type].version,
            "rate": self.rate,
        }
        return data if self.pairs is None else {**data, "map": dict(self.pairs)}


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseSpec:
    """Everything, beside the annotations, that the noisy annotations depend on.

    Attributes:
        steps: applied in this order, each to what the one before left; at least one.
        seed: noise seed in [0, 2^64).
        convention: whose definition of the types; `paper` is the only one so far.

    Raises:
        InputError: no step, a seed out of range, an unknown convention.
    """

    steps: tuple[NoiseStep, ...]
    seed: int
    convention: str = "paper"

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        if not self.steps:
            raise InputError("a noise spec needs at least one step; clean runs have no noise spec.")
        is_integer = isinstance(self.seed, int) and not isinstance(self.seed, bool)
        if not is_integer or not 0 <= self.seed <= MAX_SEED:
            raise InputError(
                f"a noise seed must be an integer from 0 to 2^64-1, got {self.seed!r}."
            )
        if self.convention not in CONVENTIONS:
            raise unknown_name("noise convention", self.convention, CONVENTIONS)

    def resolved(self) -> dict[str, Any]:
        """The spec as JSON-able data with nothing left to default: what enters the run key."""
        return {
            "convention": self.convention,
            "seed": self.seed,
            "steps": [step.resolved() for step in self.steps],
        }


def parse_steps(
    raw: Any, classes: Sequence[str], where: str, base: Path = Path()
) -> tuple[NoiseStep, ...]:
    """The steps that plain YAML data stand for: one mapping, or a list of them in order.

    Args:
        raw: e.g. {type: symmetric, rate: 0.4} or {type: asymmetric, rate: 0.2, map: voc}; `map` is
            a mapping {source: target}, the name of a shipped map, or the path of a YAML file.
        classes: the run's classes, in order.
        where: the place that `raw` came from, for messages.
        base: folder that a relative path of a map starts from.

    Raises:
        InputError: whatever is not such data, with its place.
    """
    if isinstance(raw, dict):
        return (_parse_step(raw, classes, where, base),)
    if not isinstance(raw, list) or not raw:
        raise InputError(
            f"{where}: noise must be a mapping such as {{type: symmetric, rate: 0.4}} or a list of "
            f"them, got {raw!r}."
        )
    return tuple(
        _parse_step(entry, classes, f"{where}, step {number}", base)
        for number, entry in enumerate(raw, start=1)
    )


def _parse_step(raw: Any, classes: Sequence[str], where: str, base: Path) -> NoiseStep:
    if not isinstance(raw, dict):
        raise InputError(
            f"{where}: a noise step must be a mapping such as {{type: symmetric, rate: 0.4}}, "
            f"got {raw!r}."
        )
    kind = _required(raw, "type", where)
    if not isinstance(kind, str) or kind not in NOISE_TYPES:
        raise unknown_name("noise type", kind, NOISE_TYPES, where)
    parameters = NOISE_TYPES[kind].parameters
    for key in raw:
        if key not in ("type", *parameters):
            raise unknown_name(f"key of {kind} noise", key, ("type", *parameters), where)
    values = {name: _required(raw, name, where) for name in parameters}
    if len(classes) < 2:
        raise InputError(f"{where}: {kind} noise needs at least two classes, got {len(classes)}.")
    pairs = None
    if "map" in values:
        pairs = tuple(load_map(values["map"], classes, where, base).items())
    try:
        return NoiseStep(type=kind, rate=values["rate"], pairs=pairs)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _required(raw: dict[Any, Any], key: str, where: str) -> Any:
    if key not in raw:
        raise InputError(f"{where}: a noise step needs {key!r}, got {raw!r}.")
    return raw[key]


def _checked_rate(rate: Any) -> float:
    is_number = isinstance(rate, int | float) and not isinstance(rate, bool)
    if not is_number or not 0 <= rate <= 1:  # NaN fails the comparison
        raise InputError(
            f"a noise rate must be a number from 0 to 1, got {rate!r} (40 % is written 0.4)."
        )
    return abs(float(rate))  # -0.0 would be another run key


def _checked_pairs(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    sources = [source for source, _ in pairs]
    if not pairs or len(set(sources)) < len(sources):
        raise InputError(f"a class map needs pairs with each source once, got {pairs!r}.")
    if any(source == target for source, target in pairs):
        raise InputError(f"a class map must not turn a class into itself, got {pairs!r}.")
    return tuple(sorted((source, target) for source, target in pairs))
