"""The method of a bundle: one of noisyseg's as it is here, or a file that came with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.leaderboard.checks.check import Check, differing, equal, held, shown
from noisyseg.bench.runs.run import METHOD
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.methods.registry import resolve
from noisyseg.results.leaderboard.card import Card


def check_card(spec: Mapping[str, Any], label: str, card: Card) -> Check:
    """Hold the submitter's card against the method that the runs' specs have."""
    stated = {"method": card["method"], "parameters": card["parameters"]}
    wanted = {"method": label, "parameters": spec.get("parameters")}
    what = "the card has the method's label and parameters"
    return held("card.method", what, differing(stated, wanted))


def check_method(spec: Mapping[str, Any], label: str, suite: Suite, folder: Path) -> list[Check]:
    """Hold what a bundle says of its method against the suite and the method's source.

    Args:
        spec: name, version or file's SHA-256, parameters, as in the runs' specs.
        label: the method's in the suite.
        suite: the installed one.
        folder: of the unpacked bundle. A method's file in it is hashed, never run.
    """
    if label not in suite.methods:
        return [_source(spec, folder)]
    problem = differing(dict(spec), suite.methods[label].spec())
    what = f"the method is what the installed suite calls {shown(label)}"
    return [held("method.suite", what, problem), _source(spec, folder)]


def check_unknown_method(label: str, suite: Suite, folder: Path) -> list[Check]:
    """Imported predictions have no source, and no name of a method that noisyseg trains."""
    problem = "it is one of the suite's own" if label in suite.methods else None
    stray = f"there is a {METHOD}" if (folder / METHOD).exists() else None
    return [
        held("method.suite", "what was trained elsewhere has a label of its own", problem),
        held("method.source", "what was trained elsewhere comes without source", stray),
    ]


def _source(spec: Mapping[str, Any], folder: Path) -> Check:
    stated, file = spec.get("file_sha256"), folder / METHOD
    if stated is not None:
        what = "the method's file is the one that the runs' specs name"
        found = sha256_file(file) if file.is_file() else None
        return equal("method.source", what, stated, found)
    what = "the method, its version and its parameters are noisyseg's own"
    if file.exists():
        return held("method.source", what, f"there is a {METHOD}, which no spec names")
    try:
        own = resolve(spec.get("name"), spec.get("parameters") or {}).spec()
    except InputError as error:
        return held("method.source", what, str(error))
    return held("method.source", what, differing(dict(spec), own))
