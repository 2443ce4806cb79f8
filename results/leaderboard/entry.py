"""An entry of the leaderboard: one method's runs of one suite, as `entry.json` holds them."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from noisyseg.errors import InputError, placed
from noisyseg.files import canonical_json, sha256_bytes, write_atomically
from noisyseg.results.leaderboard.entry_content import LOGGED as LOGGED
from noisyseg.results.leaderboard.entry_content import check_content, check_metrics
from noisyseg.results.leaderboard.entry_draws import DRAWS as DRAWS
from noisyseg.results.leaderboard.entry_draws import DRAWS_SEED as DRAWS_SEED
from noisyseg.results.leaderboard.entry_draws import decoded_draws as decoded_draws
from noisyseg.results.leaderboard.entry_draws import encoded_draws as encoded_draws

FORMAT: Literal[1] = 1
FILE = "entry.json"
LEAST_SEEDS = 3
"""An entry with fewer at a setting is provisional there: shown, and not ranked."""

Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Key = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Date = Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Count = Annotated[int, msgspec.Meta(ge=0)]


class BundleFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The archive that an entry was made from.

    Attributes:
        included: whether it lies beside the entry, as `bundle.zip`.
    """

    sha256: Digest
    bytes: Count
    included: bool


class Protocol(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How training went, by name; the ground holds all of it."""

    name: str
    version: int | None


class MethodSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the runs' specs say of the method.

    Attributes:
        version: of a method of noisyseg's.
        file_sha256: of the file of one that is not.
    """

    name: str
    version: int | None
    file_sha256: Digest | None
    parameters: dict[str, Any]


class ClassPrecision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """AP of a class, in percent; None where it has no instance."""

    segm: Percent | None
    bbox: Percent | None


class EntryRun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run of an entry.

    Attributes:
        noise_seed: None for a clean run.
        train_seed: None where the training is not known.
        finished: ISO 8601, UTC; None where it is not known.
        metrics: of every name in METRICS, and of those in LOGGED that its log tells; None where it
            has no ground truth.
        checksums: SHA-256 of the run's files by name; None for one that it has not.
        draws: see `encoded_draws`; None where images were not drawn.
    """

    key: Key
    noise_seed: Count | None
    train_seed: Count | None
    finished: str | None
    metrics: dict[str, Percent | None]
    per_class: dict[str, ClassPrecision]
    checksums: dict[str, Digest | None]
    draws: str | None


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry's runs at a noise setting.

    Attributes:
        noise: the noise without its seed, as `{"steps": […]}`; None for clean.
        rate: of its one step; 0 for clean; None where it has none, or several.
        images: evaluated.
    """

    noise: dict[str, Any] | None
    rate: Annotated[float, msgspec.Meta(ge=0, le=1)] | None
    images: Count
    runs: Annotated[list[EntryRun], msgspec.Meta(min_length=1)]


class Checks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What came of verification.

    Attributes:
        holds: how many checks hold.
        remarks, unchecked, claimed: sentences.
    """

    holds: Count
    remarks: list[str]
    unchecked: list[str]
    claimed: list[str]


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One method's runs of one suite.

    Attributes:
        id: permanent; the folder's name.
        kind: "verified": every number recomputed from a bundle's predictions; "imported": from
            predictions of other code, whose training is unknown; "reported": read in a paper.
        date: of the newest run's end; of the paper for reported ones.
        card: what the submitter says of the method, as `card.json`.
        family: of the model.
        ground: see `ground_of`; "paper: …" for reported ones.
        versions: `training`, `eval` and `noisyseg`.
        settings: by the suite's label of the noise; empty for reported ones.
        reported: label → metric → number, of reported ones; else empty.
        source: where the reported numbers were read; None for other entries.
    """

    format: Literal[1]
    id: Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,150}$")]
    kind: Literal["verified", "reported", "imported"]
    date: Date
    card: dict[str, Any]
    bundle: BundleFile | None
    suite: str
    data: str
    model: str
    family: str
    protocol: Protocol
    method: MethodSpec
    ground: str
    versions: dict[str, Any]
    settings: dict[str, Setting]
    reported: dict[str, dict[str, Percent]]
    source: str | None
    checks: Checks


def entry_id(method: str, suite: str, bundle_sha256: str) -> str:
    """An entry's permanent name: method's label, suite, and the bundle's first 8 hex digits."""
    return f"{slug(method)}-{slug(suite)}-{bundle_sha256[:8]}"


def slug(text: str) -> str:
    """A text as a part of file names and addresses: a-z, 0-9 and single hyphens, at most 60."""
    plain = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-")
    return plain or "unnamed"


def ground_of(spec: dict[str, Any]) -> str:
    """16 hex digits that are equal where the numbers of two runs may be compared.

    Args:
        spec: of a run (`RunSpec`): data with classes, model, protocol, versions of training and
            evaluation decide; method, noise and seeds do not.
    """
    parts = {part: spec[part] for part in ("data", "model", "protocol", "training", "eval")}
    return sha256_bytes(canonical_json(parts))[:16]


def write_entry(folder: Path, entry: Entry) -> Path:
    """Write `entry.json` into an entry's folder; equal entries give equal bytes.

    Raises:
        InputError: it would not be read again; the folder cannot be written to.
    """
    path, data = folder / FILE, encoded_entry(entry)
    parse_entry(data, path)
    write_atomically(path, data)
    return path


def encoded_entry(entry: Entry) -> bytes:
    """The bytes of `entry.json`: canonical JSON and a newline."""
    return canonical_json(msgspec.to_builtins(entry)) + b"\n"


def read_entry(path: Path) -> Entry:
    """The entry in an `entry.json`.

    Raises:
        InputError: no such file, or one that is not an entry.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the entry {path}: {error.strerror}.") from error
    return parse_entry(data, path)


def parse_entry(data: bytes, path: Path) -> Entry:
    """The entry in an `entry.json`'s bytes; `path` is what to call it in messages.

    Raises:
        InputError: it is not an entry.
    """
    try:
        entry = msgspec.json.decode(data, type=Entry)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not an entry of the leaderboard: {error}. Make it again from its bundle: "
            "noisyseg leaderboard verify BUNDLE --publish FOLDER."
        ) from error
    with placed(str(path)):
        check_metrics(entry)
        check_content(entry)
    return entry
