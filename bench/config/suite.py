"""A suite: a YAML file that names a grid of runs and the table that they fill."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypedDict

from noisyseg.bench.config.model import Model, load_model
from noisyseg.bench.config.protocol import Protocol, load_protocol
from noisyseg.bench.config.shipped import is_file, read_suite
from noisyseg.bench.datasets.data_format import DataOptions
from noisyseg.bench.datasets.source import usual_root
from noisyseg.checked_values import anything, checked, file_name, list_of, section, text
from noisyseg.errors import InputError, unknown_name
from noisyseg.located_yaml import Located, check_keys, check_present, located
from noisyseg.methods.method import Method, ResolvedMethod
from noisyseg.methods.registry import resolve
from noisyseg.results.paper.published import published_table

# Of noise and training alike: tables hold seeds as integers with a sign. Noise alone takes 2^64-1.
MAX_RUN_SEED = 2**63 - 1


class SeedPair(NamedTuple):
    """The seeds of a run; a clean one has no use for the first."""

    noise: int
    train: int

    @property
    def label(self) -> str:
        """The one seed, or noise seed and train seed where they differ."""
        return str(self.train) if self.noise == self.train else f"{self.noise}/{self.train}"


@dataclass(kw_only=True, slots=True, frozen=True)
class Part:
    """What was chosen of a suite; None where it is not another than the suite's own.

    Attributes:
        methods, noise: labels.
        seeds: as tables name them.
        narrowed: those of "methods" and "noise" of which some of the suite's were left out.
    """

    methods: tuple[str, ...] | None = None
    noise: tuple[str, ...] | None = None
    seeds: tuple[str, ...] | None = None
    narrowed: tuple[str, ...] = ()


@dataclass(kw_only=True, slots=True, frozen=True)
class Suite:
    """What a suite file says, checked; noise waits for the classes to be known.

    Attributes:
        file: where it was read from.
        data: the `data` section, not yet looked up.
        data_root: folder that relative data paths start from; None where it must be given.
        data_options: what the command line says of the data.
        variant: the one chosen of its variants; None if it has none.
        notes: what a reader of its table must know.
        published: name of the paper's table that its own stands beside; None for most suites.
        methods: label → method with its parameters, in the table's order.
        noise: label → raw noise steps, None for clean, in the table's order.
        noise_places: label → "file, line n".
        seeds: pairs of noise seed and train seed; a suite's own seeds are both.
        part: what was chosen of the suite's file.
    """

    name: str
    title: str
    file: Path
    data: Located
    data_root: Path | None
    data_options: DataOptions
    variant: str | None
    notes: list[str]
    published: str | None
    model: Model
    protocol: Protocol
    methods: dict[str, ResolvedMethod]
    noise: dict[str, object]
    noise_places: dict[str, str]
    seeds: list[SeedPair]
    part: Part = Part()


@dataclass(kw_only=True, slots=True, frozen=True)
class Choices:
    """What the command line decides instead of the suite's file.

    Attributes:
        variant: one of the suite's; None for its first.
        masks: VOC's mask source; None for the suite's.
        allow_partial: whether fewer images than the official number will do.
        random_weights: whether the backbone's pretrained weights are left out, for rehearsals.
        download: whether weights that are not there may be fetched.
        own_methods: of the user's files, by name; each that the suite does not name is added.
    """

    variant: str | None = None
    masks: str | None = None
    allow_partial: bool = False
    random_weights: bool = False
    download: bool = True
    own_methods: Mapping[str, Method] = field(default_factory=dict)


def check_seed(seed: int, place: str = "") -> int:
    """The same seed, if a run can have it.

    Raises:
        InputError: it is out of range.
    """
    if not 0 <= seed <= MAX_RUN_SEED:
        raise InputError(f"{place}a seed must be from 0 to 2^63-1, got {seed}.")
    return seed


def _published(raw: Located, key: str) -> str:
    return published_table(text(raw, key), raw.where(key)).name


def _noise(raw: Located, key: str) -> Located:
    noise = section(raw, key)
    if not noise:
        raise InputError(
            f"{raw.where(key)}: a suite needs at least one noise setting, such as clean: null."
        )
    return noise


def _seeds(raw: Located, key: str) -> list[SeedPair]:
    seeds = list_of(raw, key, int, kind_name="seeds", least=1)
    return [SeedPair(check_seed(seed, f"{raw.where(key)}: "), seed) for seed in seeds]


class _Written(TypedDict):
    name: Annotated[str, file_name]
    title: Annotated[str, text]
    notes: Annotated[list[str], partial(list_of, kind=str, kind_name="texts")]
    published: Annotated[str | None, _published]
    data: Annotated[Located, section]
    methods: Annotated[Any, anything]  # a suite's methods may be files of the command line's
    noise: Annotated[Located, _noise]
    seeds: Annotated[list[SeedPair], _seeds]
    model: Annotated[Any, anything]  # model and protocol are the suite's own or a variant's
    protocol: Annotated[Any, anything]
    variants: Annotated[Any, anything]


def load_suite(
    source: str, *, data_root: Path | None, cache: Path, choices: Choices | None = None
) -> Suite:
    """The suite of a shipped name or of a YAML file.

    Args:
        source: a shipped suite's name, or the path of a file ending in .yaml or .yml.
        data_root: folder that relative data and weights paths start from; by default the suite
            file's folder, or the cache for generated data.
        cache: folder for generated data.
        choices: what else the command line decides.
    Raises:
        InputError: whatever is wrong with it, with file and line.
    """
    choices = choices or Choices()
    raw = read_suite(source)
    absent = dict.fromkeys(("published", "model", "protocol", "variants"))
    defaults: Mapping[str, Any] = {"title": raw.get("name"), "notes": [], **absent}
    written = checked(raw, _Written, what="a suite", defaults=defaults)
    root = data_root or usual_root(raw.file if is_file(source) else None, written["data"], cache)
    variant, parts = _variant(raw, choices.variant)
    return Suite(
        name=written["name"],
        title=written["title"],
        file=raw.file,
        data=written["data"],
        data_root=root,
        data_options=DataOptions(
            cache=cache, masks=choices.masks, allow_partial=choices.allow_partial
        ),
        variant=variant,
        notes=written["notes"],
        published=written["published"],
        model=_model(parts, root or Path(), choices),
        protocol=load_protocol(parts["protocol"], where=parts.where("protocol")),
        methods=_with_own(_methods(raw, choices.own_methods), choices.own_methods),
        noise=dict(written["noise"]),
        noise_places={label: written["noise"].where(label) for label in written["noise"]},
        seeds=written["seeds"],
    )


def _model(parts: Located, root: Path, choices: Choices) -> Model:
    return load_model(
        parts["model"],
        where=parts.where("model"),
        root=root,
        random_weights=choices.random_weights,
        download=choices.download,
    )


def _variant(raw: Located, wanted: str | None) -> tuple[str | None, Located]:
    """The chosen variant's name and the mapping that holds its model and its protocol.

    Raises:
        InputError: both variants and a model or a protocol, an unknown variant.
    """
    if "variants" not in raw:
        check_present(raw, what="a suite", keys=("model", "protocol"))
        if wanted is not None:
            raise InputError(f"{raw.file}: the suite has no variants, got --variant {wanted}.")
        return None, raw
    for key in ("model", "protocol"):
        if key in raw:
            raise InputError(f"{raw.where(key)}: each of the suite's variants has its own {key}.")
    variants = section(raw, "variants")
    if not variants:
        raise InputError(f"{raw.where('variants')}: a suite's variants need at least one.")
    name = next(iter(variants)) if wanted is None else wanted
    if name not in variants:
        raise unknown_name("variant", name, variants, raw.where("variants"))
    what = f"variant {name}"
    parts = located(variants[name], what=what, where=variants.where(name))
    check_keys(parts, what=what, required=("model", "protocol"))
    return name, parts


def _methods(raw: Located, own: Mapping[str, Method]) -> dict[str, ResolvedMethod]:
    """Methods by label: a list of names, or a mapping from labels to a name and parameters."""
    if isinstance(raw["methods"], list):
        names = list_of(raw, "methods", str, kind_name="method names", least=1)
        return {name: resolve(name, {}, raw.where("methods"), own=own) for name in names}
    entries = section(raw, "methods")
    methods = {}
    for label, entry in entries.items():
        where = entries.where(label)
        chosen = {} if entry is None else located(entry, what=f"method {label}", where=where)
        parameters = dict(chosen)
        name = parameters.pop("name", label)
        methods[label] = resolve(name, parameters, where, own=own)
    if not methods:
        raise InputError(f"{raw.where('methods')}: a suite needs at least one method.")
    return methods


def _with_own(
    methods: dict[str, ResolvedMethod], own: Mapping[str, Method]
) -> dict[str, ResolvedMethod]:
    """The suite's methods, and below them those of the user's files that it does not name.

    Raises:
        InputError: a file's method has the name of another one's label.
    """
    named = {method.name for method in methods.values()}
    for name, method in own.items():
        if name in named:
            continue
        if name in methods:
            raise InputError(
                f"{method.origin}: the suite calls another method {name!r}; give yours another "
                "name."
            )
        methods[name] = resolve(name, {}, own=own)
    return methods
