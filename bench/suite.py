"""A suite: a YAML file that names a grid of runs and the table that they fill."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from noisyseg.bench.checked_values import file_name, list_of, text
from noisyseg.bench.model import Model, load_model
from noisyseg.bench.protocol import Protocol, load_protocol
from noisyseg.bench.shipped import shipped_path
from noisyseg.bench.yaml_file import Located, check_keys, located, plain, read_yaml
from noisyseg.errors import InputError, unknown_name
from noisyseg.methods.registry import ResolvedMethod, resolve

MAX_SEED = 2**63 - 1


@dataclass(kw_only=True, slots=True, frozen=True)
class Suite:
    """What a suite file says, checked; noise waits for the classes to be known.

    Attributes:
        file: where it was read from.
        data: the `data` section, not yet looked up.
        data_root: folder that relative data paths start from.
        methods: label → method with its parameters, in the table's order.
        noise: label → raw noise steps, None for clean, in the table's order.
        noise_places: label → "file, line n".
        seeds: each used as noise seed and train seed.
    """

    name: str
    title: str
    file: Path
    data: Located
    data_root: Path
    model: Model
    protocol: Protocol
    methods: dict[str, ResolvedMethod]
    noise: dict[str, object]
    noise_places: dict[str, str]
    seeds: list[int]


def load_suite(source: str, *, data_root: Path | None, cache: Path) -> Suite:
    """The suite of a shipped name or of a YAML file.

    Args:
        source: a shipped suite's name, or the path of a file ending in .yaml or .yml.
        data_root: folder that relative data and weights paths start from; by default the suite
            file's folder, or the cache for generated data.
        cache: folder for generated data.
    Raises:
        InputError: whatever is wrong with it, with file and line.
    """
    is_file = source.endswith((".yaml", ".yml"))
    raw = read_yaml(Path(source) if is_file else shipped_path("suite", source))
    check_keys(
        raw,
        what="a suite",
        required=("name", "data", "model", "protocol", "methods", "noise", "seeds"),
        optional=("title",),
    )
    data = located(raw["data"], what="data", where=raw.where("data"))
    generated = data.get("format") == "shapes"
    root = data_root or (cache if generated else raw.file.parent)
    noise = _noise(raw)
    return Suite(
        name=file_name(raw, "name"),
        title=text(raw, "title") if "title" in raw else text(raw, "name"),
        file=raw.file,
        data=data,
        data_root=root,
        model=load_model(raw["model"], where=raw.where("model"), root=root),
        protocol=load_protocol(raw["protocol"], where=raw.where("protocol")),
        methods=_methods(raw),
        noise={label: plain(steps) for label, steps in noise.items()},
        noise_places={label: noise.where(label) for label in noise},
        seeds=[_seed(raw, seed) for seed in list_of(raw, "seeds", int, kind_name="seeds", least=1)],
    )


def choose(
    suite: Suite,
    *,
    methods: Sequence[str] | None = None,
    noise: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
) -> Suite:
    """The part of a suite with the given methods and noise settings alone, or with other seeds.

    Raises:
        InputError: a label that the suite does not have, a seed out of range.
    """
    for seed in seeds or ():
        if not 0 <= seed <= MAX_SEED:
            raise InputError(f"a seed must be from 0 to 2^63-1, got {seed}.")
    chosen_methods = _chosen("method", methods, suite.methods, suite.name)
    chosen_noise = _chosen("noise setting", noise, suite.noise, suite.name)
    return replace(
        suite,
        methods={label: suite.methods[label] for label in chosen_methods},
        noise={label: suite.noise[label] for label in chosen_noise},
        seeds=list(seeds) if seeds else suite.seeds,
    )


def _chosen(kind: str, wanted: Sequence[str] | None, known: Iterable[str], suite: str) -> list[str]:
    if not wanted:
        return list(known)
    for label in wanted:
        if label not in known:
            raise unknown_name(f"{kind} of suite {suite}", label, known)
    return [label for label in known if label in wanted]


def _methods(raw: Located) -> dict[str, ResolvedMethod]:
    """Methods by label: a list of names, or a mapping from labels to a name and parameters."""
    section = raw["methods"]
    if isinstance(section, list):
        names = list_of(raw, "methods", str, kind_name="method names", least=1)
        return {name: resolve(name, {}, raw.where("methods")) for name in names}
    entries = located(section, what="methods", where=raw.where("methods"))
    methods = {}
    for label, entry in entries.items():
        where = entries.where(label)
        chosen = {} if entry is None else located(entry, what=f"method {label}", where=where)
        parameters = dict(chosen)
        name = parameters.pop("name", label)
        methods[label] = resolve(name, parameters, where)
    if not methods:
        raise InputError(f"{raw.where('methods')}: a suite needs at least one method.")
    return methods


def _noise(raw: Located) -> Located:
    noise = located(raw["noise"], what="noise", where=raw.where("noise"))
    if not noise:
        raise InputError(
            f"{raw.where('noise')}: a suite needs at least one noise setting, such as clean: null."
        )
    return noise


def _seed(raw: Located, seed: int) -> int:
    if not 0 <= seed <= MAX_SEED:
        raise InputError(f"{raw.where('seeds')}: a seed must be from 0 to 2^63-1, got {seed}.")
    return seed
