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


def check_method(
    spec: Mapping[str, Any], label: str, card: Card, suite: Suite, folder: Path
) -> list[Check]:
    """Hold what a bundle says of its method against the card, the suite and its source.

    Args:
        spec: name, version or file's SHA-256, parameters, as in the runs' specs.
        label: the method's in the suite.
        card: the submitter's.
        suite: the installed one.
        folder: of the unpacked bundle. A method's file in it is hashed, never run.
    """
    what = "the card has the method's label and parameters"
    stated = {"method": card["method"], "parameters": card["parameters"]}
    wanted = {"method": label, "parameters": spec.get("parameters")}
    checks = [held("card.method", what, differing(stated, wanted))]
    if label in suite.methods:
        problem = differing(dict(spec), suite.methods[label].spec())
        what = f"the method is what the installed suite calls {shown(label)}"
        checks.append(held("method.suite", what, problem))
    return [*checks, _source(spec, folder)]


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
