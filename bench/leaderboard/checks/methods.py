"""The method of a bundle: one of noisyseg's as it is here, or a file that came with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.leaderboard.checks.check import Check, differing, held, shown
from noisyseg.bench.runs.run import METHOD
from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes
from noisyseg.methods.registry import TAKEN, own_name, resolve
from noisyseg.results.leaderboard.card import Card
from noisyseg.results.leaderboard.text import checked_text

_LONGEST_NAME = 100


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
    source = [_label(spec, label, suite), _source(spec, folder)]
    if label not in suite.methods:
        return source
    problem = differing(dict(spec), suite.methods[label].spec())
    what = f"the method is what the installed suite calls {shown(label)}"
    return [held("method.suite", what, problem), *source]


def check_unknown_method(
    spec: Mapping[str, Any], label: str, suite: Suite, folder: Path
) -> list[Check]:
    """Imported predictions have no source, and no name of a method that noisyseg trains."""
    problem = "it is one of the suite's own" if label in suite.methods else _taken(label)
    stray = f"there is a {METHOD}" if (folder / METHOD).exists() else None
    wanted = {"name": label, "parameters": spec.get("parameters")}
    return [
        held("method.suite", "what was trained elsewhere has a label of its own", problem),
        held("method.source", "what was trained elsewhere comes without source", stray),
        held(
            "method.spec",
            "its method has its label and the card's parameters, and nothing else",
            differing(dict(spec), wanted),
        ),
    ]


def _label(spec: Mapping[str, Any], label: str, suite: Suite) -> Check:
    """The label says what the method is: results of a known one gain no name of their own."""
    what = "the label is no other method's, and the suite's methods have the suite's labels"
    same = [
        name for name, own in suite.methods.items() if differing(dict(spec), own.spec()) is None
    ]
    problem = None
    if same and label not in same:
        problem = f"these are the suite's runs of {shown(same[0])}"
    elif label not in suite.methods and label in TAKEN and spec.get("name") != own_name(label):
        problem = _taken(label)
    return held("method.label", what, problem)


def _taken(name: str) -> str | None:
    return f"{shown(name)} is a method of noisyseg's" if name in TAKEN else None


def _source(spec: Mapping[str, Any], folder: Path) -> Check:
    file = folder / METHOD
    if spec.get("file_sha256") is not None:
        what = "the method has a file's name, the file's checksum and the card's parameters"
        return held("method.source", what, _of_a_file(spec, file))
    what = "the method, its version and its parameters are noisyseg's own"
    if file.exists():
        return held("method.source", what, f"there is a {METHOD}, which no spec names")
    try:
        own = resolve(spec.get("name"), spec.get("parameters") or {}).spec()
    except InputError as error:
        return held("method.source", what, str(error))
    return held("method.source", what, differing(dict(spec), own))


def _of_a_file(spec: Mapping[str, Any], file: Path) -> str | None:
    """What is wrong with a spec that names a file: it has what `ResolvedMethod.spec` writes."""
    try:
        name = checked_text(spec.get("name"), "name", _LONGEST_NAME)
    except InputError as error:
        return str(error)
    content = file.read_bytes() if file.is_file() else None
    found = None if content is None else sha256_bytes(content)
    wanted = {"name": name, "file_sha256": found, "parameters": spec.get("parameters")}
    return _taken(name) or differing(dict(spec), wanted) or _illegible(content or b"")


def _illegible(content: bytes) -> str | None:
    try:
        content.decode()
    except UnicodeDecodeError:
        return f"{METHOD} is no UTF-8 text, and it is there to be read"
    return None
