"""The seeds that a store has of a suite, beside those that the suite names."""

from collections.abc import Mapping
from typing import Any

from noisyseg.bench.config.suite import SeedPair, Suite
from noisyseg.methods.registry import is_known
from noisyseg.results.records.store import RunStore, is_done


def seeds_there(suite: Suite, store: RunStore) -> list[SeedPair]:
    """The suite's pairs of seeds, and those of records of its model and protocol, by their names.

    A clean run has no noise seed: it counts for the pair of its train seed twice.
    """
    found = set(suite.seeds)
    for record in store.each_record([]):
        spec = record["spec"]
        if is_done(record) and _is_like(spec, suite):
            train = spec["train_seed"]
            noise = spec["noise"]["seed"] if spec["noise"] else train
            found.add(SeedPair(noise=noise, train=train))
    return sorted(found)


def methods_there(suite: Suite, store: RunStore) -> list[str]:
    """Labels of the suite's methods, names of others that records of its protocol have."""
    found = dict.fromkeys(suite.methods)
    for record in store.each_record([]):
        name = record["spec"]["method"]["name"]
        if is_done(record) and _is_like(record["spec"], suite) and is_known(name):
            found.setdefault(name)
    return list(found)


def _is_like(spec: Mapping[str, Any], suite: Suite) -> bool:
    return (
        spec["protocol"]["name"] == suite.protocol["name"]
        and spec["model"]["name"] == suite.model.name
    )
