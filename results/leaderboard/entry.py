"""An entry of the leaderboard: one method's runs of one suite, as `entry.json` holds them."""

import base64
import binascii
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError
from noisyseg.files import canonical_json, sha256_bytes, write_atomically
from noisyseg.results.records.metrics import METRICS

FORMAT: Literal[1] = 1
FILE = "entry.json"
DRAWS = 500
"""Draws of the evaluation images, the same for all entries of a ground."""
DRAWS_SEED = 0
LOGGED = ("memorised", "recovered")
"""Metrics that a run may have beside those of METRICS: what its log says became of wrong labels
(`results.statistics.fates`). No check can compute them again."""

Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Key = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Date = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
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
    rate: float | None
    images: Count
    runs: list[EntryRun]


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


def encoded_draws(precisions: NDArray[np.floating[Any]]) -> str:
    """Mask AP of each draw of images, shape (DRAWS,), as text: base64 of little-endian float32."""
    return base64.b64encode(precisions.astype("<f4").tobytes()).decode()


def decoded_draws(text: str) -> NDArray[np.float32]:
    """What `encoded_draws` was given, shape (DRAWS,).

    Raises:
        InputError: it was given something else.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"draws: wanted base64, got {text[:20]!r}: {error}") from error
    if len(data) != 4 * DRAWS:
        raise InputError(f"draws: wanted {DRAWS} numbers of 4 bytes, got {len(data)} bytes")
    return np.frombuffer(data, dtype="<f4")


def write_entry(folder: Path, entry: Entry) -> Path:
    """Write `entry.json` into an entry's folder; equal entries give equal bytes.

    Raises:
        InputError: it would not be read again; the folder cannot be written to.
    """
    path, data = folder / FILE, encoded_entry(entry)
    _decoded(data, path)
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
    return _decoded(data, path)


def _decoded(data: bytes, path: Path) -> Entry:
    try:
        entry = msgspec.json.decode(data, type=Entry)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not an entry of the leaderboard: {error}. Make it again from its bundle: "
            "noisyseg leaderboard verify BUNDLE --publish FOLDER."
        ) from error
    _check_metrics(entry, path)
    return entry


def _check_metrics(entry: Entry, path: Path) -> None:
    for label, setting in entry.settings.items():
        for run in setting.runs:
            if run.metrics.keys() - {*LOGGED} != METRICS.keys():
                other = min((run.metrics.keys() - {*LOGGED}) ^ METRICS.keys())
                raise InputError(
                    f"{path}: settings.{label}, run {run.key}: wanted the metrics of this "
                    f"noisyseg, got others ({other!r}). Verify its bundle again."
                )
