"""What is in a bundle: the schemas of its bundle.json and its suite.json, and which files it has.

    bundle.json
    card.json
    suite.json
    method.py                            of a method in a file: to be read, never run
    runs/<key>/record.json               as in the store
    runs/<key>/predictions.json.zst
    runs/<key>/manifest.json             of noisy runs
    runs/<key>/log.jsonl

Of predictions that were imported from other code a run has nothing but these.
"""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from noisyseg.bench.config.suite import MAX_RUN_SEED
from noisyseg.bench.leaderboard.limits import LIMITS
from noisyseg.bench.runs.run import LOG, MANIFEST, METHOD, PREDICTIONS
from noisyseg.errors import InputError
from noisyseg.files import canonical_json, sha256_file
from noisyseg.results.leaderboard.text import checked_text
from noisyseg.results.records.store import RECORD_NAME
from noisyseg.strict_json import parse_strict_json

FORMAT: Literal[1] = 1
BUNDLE, CARD, SUITE = "bundle.json", "card.json", "suite.json"
RUNS = "runs"
MEMBER = re.compile(
    r"bundle\.json|card\.json|suite\.json|method\.py"
    r"|runs/[0-9a-f]{16}/(record\.json|predictions\.json\.zst|manifest\.json|log\.jsonl)"
)
"""The whole of a member's path."""
MOST_RUNS = 2000
MOST_BYTES = 1 << 24
"""Of bundle.json, and of suite.json."""

Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Key = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
Seed = Annotated[int, msgspec.Meta(ge=0, le=MAX_RUN_SEED)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Count = Annotated[int, msgspec.Meta(ge=0)]
_Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
_Title = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
_Settings = msgspec.Meta(min_length=1, max_length=200)


class RunEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A run, and the cell of its suite that it fills; a clean one has no noise seed."""

    key: Key
    noise: _Label
    noise_seed: Seed | None
    train_seed: Seed


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A metric over the n runs of a setting that have it: mean and sample standard deviation.

    The deviation of one run is None.
    """

    n: Annotated[int, msgspec.Meta(ge=1)]
    mean: Percent
    sd: Percent | None


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a file holds."""

    sha256: Digest
    bytes: Count


_Claims = Annotated[dict[str, Claim], msgspec.Meta(max_length=100)]


class Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bundle's bundle.json.

    Attributes:
        noisyseg: version that wrote it.
        suite, method: name of the suite, and the method's label there.
        kind: trained by noisyseg, or predictions that other code made.
        runs: in the order of setting, noise seed and train seed.
        claims: label of a noise setting → metric → what its runs come to.
        files: path of every other file.
    """

    format: Literal[1]
    noisyseg: Annotated[str, msgspec.Meta(pattern=r"^[0-9][0-9A-Za-z.+]{0,39}$")]
    suite: _Label
    method: _Label
    kind: Literal["trained", "imported"]
    runs: Annotated[list[RunEntry], msgspec.Meta(min_length=1, max_length=MOST_RUNS)]
    claims: Annotated[dict[str, _Claims], _Settings]
    files: Annotated[dict[str, FileEntry], msgspec.Meta(max_length=LIMITS.members)]


class Versions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of what makes the numbers, as specs have them."""

    schema: int
    training: dict[str, Any]
    eval: dict[str, Any]


class SuiteContents(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bundle's suite.json: what all its runs stand on, in the words of their specs.

    Attributes:
        variant: the suite's variant; None if it has none.
        data: name, classes, checksums of the annotations for training and evaluation.
        model: its detector, and the SHA-256 of the weights it starts from.
        noise: label → steps, None for clean.
        method: name, version or SHA-256 of its file, parameters.
    """

    format: Literal[1]
    name: _Label
    title: _Title
    variant: _Label | None
    data: dict[str, Any]
    protocol: dict[str, Any]
    model: dict[str, Any]
    noise: Annotated[dict[str, list[dict[str, Any]] | None], _Settings]
    versions: Versions
    method: dict[str, Any]


_Kind = TypeVar("_Kind", Contents, SuiteContents)


def parse_contents(data: bytes) -> Contents:
    """A bundle.json.

    Raises:
        InputError: not JSON, of another format, or of another schema.
    """
    contents = _parsed(data, Contents, BUNDLE)
    noise = [run.noise for run in contents.runs]
    _check_texts([contents.suite, contents.method, *noise, *contents.claims], BUNDLE)
    for key, count in Counter(run.key for run in contents.runs).items():
        if count > 1:
            raise InputError(f"{BUNDLE}: run {key} stands there twice.")
    return contents


def parse_suite(data: bytes) -> SuiteContents:
    """A suite.json.

    Raises:
        InputError: not JSON, of another format, or of another schema.
    """
    suite = _parsed(data, SuiteContents, SUITE)
    named = [suite.name, suite.title, *suite.noise]
    _check_texts([*named, suite.variant] if suite.variant is not None else named, SUITE)
    return suite


def encode(contents: Contents | SuiteContents) -> bytes:
    """Canonical JSON: equal contents give equal bytes."""
    return canonical_json(msgspec.to_builtins(contents))


def files_wanted(contents: Contents) -> set[str]:
    """The files that a bundle of these runs has, `method.py` left out, which some methods have."""
    names = {BUNDLE, CARD, SUITE}
    for run in contents.runs:
        own = [PREDICTIONS]
        if contents.kind == "trained":
            own += [RECORD_NAME, LOG] + [MANIFEST] * (run.noise_seed is not None)
        names |= {member(run.key, name) for name in own}
    return names


def member(key: str, name: str) -> str:
    """The path of a run's file in a bundle."""
    return f"{RUNS}/{key}/{name}"


def check_files(folder: Path, names: Iterable[str], contents: Contents) -> None:
    """Hold the files of a bundle against what its bundle.json says of them.

    Args:
        folder: that they lie in.
        names: of all of them, relative to it.
        contents: its bundle.json.

    Raises:
        InputError: one is missing, not foreseen, or holds something else.
    """
    present, wanted = {*names} - {METHOD}, files_wanted(contents)
    for what, found in (("is missing", wanted - present), ("belongs to no run", present - wanted)):
        if found:
            raise InputError(f"{min(found)} {what}: {BUNDLE} says which runs are in the bundle.")
    listed = contents.files.keys()
    if listed != {*names} - {BUNDLE}:
        other = min(listed ^ ({*names} - {BUNDLE}))
        raise InputError(f"{BUNDLE}: files: {other[:100]!r} is in the list or the bundle alone.")
    for name, entry in contents.files.items():
        size = (folder / name).stat().st_size
        if (entry.bytes, entry.sha256) != (size, sha256_file(folder / name)):
            raise InputError(f"{name} is not the file that {BUNDLE} lists: it has been changed.")


def _parsed(data: bytes, kind: type[_Kind], name: str) -> _Kind:
    value = parse_strict_json(data, name, most=MOST_BYTES)
    found = value.get("format") if isinstance(value, dict) else None
    if type(found) is not int or found != FORMAT:
        raise InputError(
            f"{name}: this noisyseg reads format {FORMAT}, got {repr(found)[:40]}: a later "
            "noisyseg may read it."
        )
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{name}: {str(error)[:300]}.") from error


def _check_texts(texts: Iterable[str], name: str) -> None:
    for text in texts:
        checked_text(text, name, 300)
