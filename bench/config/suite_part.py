"""The part of a suite that is meant: some of its methods and noise settings, other seeds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product

from noisyseg.bench.config.suite import Part, SeedPair, Suite, check_seed
from noisyseg.errors import InputError, unknown_name
from noisyseg.methods.method import ResolvedMethod
from noisyseg.methods.registry import is_known, own_name, resolve


def choose(
    suite: Suite,
    *,
    methods: Sequence[str] | None = None,
    noise: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    noise_seeds: Sequence[int] | None = None,
    train_seeds: Sequence[int] | None = None,
) -> Suite:
    """The part of a suite with the given methods and noise settings alone, or with other seeds.

    A method that the suite lacks, built in or installed, is added with its defaults. Noise seeds
    and train seeds give every pair of them.

    Raises:
        InputError: a label that nothing has, a seed out of range, noise seeds without train seeds.
    """
    if bool(noise_seeds) != bool(train_seeds) or (seeds and noise_seeds):
        raise InputError(
            "give --seeds, each of which is noise and train seed, or --noise-seeds together with "
            "--train-seeds, which gives every pair."
        )
    for seed in (*(seeds or ()), *(noise_seeds or ()), *(train_seeds or ())):
        check_seed(seed)
    methods = [suite_label(name, suite.methods) for name in methods or ()]
    added = [name for name in methods if name not in suite.methods and is_known(name)]
    all_methods = suite.methods | {name: resolve(name, {}) for name in added}
    chosen_methods = _chosen("method", methods, all_methods, suite.name) if methods else all_methods
    chosen_noise = _chosen("noise setting", noise, suite.noise, suite.name)
    pairs = _pairs(seeds, noise_seeds, train_seeds)
    return replace(
        suite,
        methods={label: all_methods[label] for label in chosen_methods},
        noise={label: suite.noise[label] for label in chosen_noise},
        seeds=pairs or suite.seeds,
        part=_part(suite, chosen_methods, chosen_noise, pairs),
    )


def _part(
    suite: Suite, methods: Iterable[str], noise: Iterable[str], pairs: Sequence[SeedPair]
) -> Part:
    own = {"methods": list(suite.methods), "noise": list(suite.noise)}
    chosen = {"methods": methods, "noise": noise}
    return Part(
        methods=None if list(methods) == own["methods"] else tuple(methods),
        noise=None if list(noise) == own["noise"] else tuple(noise),
        seeds=tuple(pair.label for pair in pairs) or None,
        narrowed=tuple(kind for kind, labels in own.items() if {*labels} - {*chosen[kind]}),
    )


def suite_label(name: str, methods: Mapping[str, ResolvedMethod]) -> str:
    """The label that a suite has for a method under another of its names; else the name itself."""
    if name in methods:
        return name
    same = [label for label in methods if own_name(label) == own_name(name) == methods[label].name]
    return same[0] if same else name


def _pairs(
    seeds: Sequence[int] | None,
    noise_seeds: Sequence[int] | None,
    train_seeds: Sequence[int] | None,
) -> list[SeedPair]:
    if seeds:
        return [SeedPair(seed, seed) for seed in seeds]
    return [SeedPair(*pair) for pair in product(noise_seeds or (), train_seeds or ())]


def _chosen(kind: str, wanted: Sequence[str] | None, known: Iterable[str], suite: str) -> list[str]:
    if not wanted:
        return list(known)
    for label in wanted:
        if label not in known:
            raise unknown_name(f"{kind} of suite {suite}", label, known)
    return [label for label in known if label in wanted]
