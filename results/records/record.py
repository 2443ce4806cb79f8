"""The record of a run: its schema, its key and its checksum, checked on write and on read."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import orjson

from noisyseg.errors import InputError
from noisyseg.files import canonical_json, sha256_bytes
from noisyseg.results.records.faults import Fault
from noisyseg.results.records.usage import Usage

FORMAT = 1
# What every part of a spec says of itself.
_IN_PARTS = dict.fromkeys(("data", "protocol", "model", "method"), ("name", str)) | {
    "training": ("version", int)
}


class CorruptRecordError(InputError):
    """A record that is torn, tampered with or of another schema: unlike one that can't be read."""


Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Time = Annotated[
    str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+00:00)$")
]


class RunSpec(TypedDict):
    """What decides a run's result; its hash is the run's key.

    Closed: a path, host or date in it would change the key for no reason. Each part says its name
    or its version; what else it holds is the part's own business.
    """

    schema: int
    data: Mapping[str, Any]
    protocol: Mapping[str, Any]
    model: Mapping[str, Any]
    method: Mapping[str, Any]
    noise: Mapping[str, Any] | None
    training: Mapping[str, Any]
    train_seed: int
    eval: Mapping[str, Any]


class _LaterFailure(TypedDict, total=False):
    """What failures have not always told."""

    fault: Fault


class Failure(_LaterFailure):
    """Why a run failed: the kind of fault, the exception, and the end of what it printed."""

    type: str
    message: str
    log: str | None


class Done(TypedDict):
    """What came of a run that is done."""

    metrics: dict[str, Any]
    failure: None


class Failed(TypedDict):
    """What came of a run that failed."""

    metrics: dict[str, Any] | None
    failure: Failure


class _LaterChecksums(TypedDict, total=False):
    """Of files that runs have not always left."""

    matches: Digest


class Checksums(_LaterChecksums):
    """SHA-256 of a run's files; None where there is none."""

    manifest: Digest | None
    predictions: Digest | None
    log: Digest | None
    noisy_annotations: Digest | None


class _LaterFields(TypedDict, total=False):
    """Of records that runs have not always written."""

    usage: Usage


class Record(_LaterFields):
    """A run's record; its metrics and its failure are those of `Done` or of `Failed`."""

    format: Literal[1]
    key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
    status: Literal["done", "failed"]
    spec: RunSpec
    metrics: Any
    failure: Any
    checksums: Checksums
    lineage: dict[str, Any] | list[Any]
    environment: dict[str, Any]
    timings: dict[str, Seconds]
    started: Time
    finished: Time
    checksum: Digest


def run_key(spec: Mapping[str, Any]) -> str:
    """First 16 hex digits of the SHA-256 of the resolved spec's canonical JSON.

    Raises:
        InputError: the spec holds what JSON cannot (NaN, arrays, mixed keys).
    """
    return sha256_bytes(canonical_json(_plain(spec)))[:16]


def canonical_part(value: Any) -> bytes:
    """The canonical JSON of a part of a spec; runs that share the part can share it, too.

    Raises:
        InputError: it holds what JSON cannot.
    """
    return canonical_json(_plain(value))


def key_of_parts(parts: Mapping[str, bytes]) -> str:
    """As `run_key`, of each part's canonical JSON: thousands of runs differ in a few parts."""
    named = (canonical_json(part) + b":" + parts[part] for part in sorted(parts))
    return sha256_bytes(b"{" + b",".join(named) + b"}")[:16]


def seal(fields: Mapping[str, Any]) -> Record:
    """A valid record from a run's fields: adds `format`, `key` and `checksum`.

    Args:
        fields: status, spec, metrics, failure, checksums, lineage, environment, timings (seconds
            by stage), started and finished (ISO 8601, UTC).
    Raises:
        InputError: a field is missing, unknown or of the wrong kind.
    """
    record: Record = _plain({"format": FORMAT, "key": run_key(fields.get("spec", {})), **fields})
    record["checksum"] = _digest(_canonical_parts(record))
    check_record(record)
    return record


def with_fault(record: Record, fault: Fault) -> Record:
    """A failed record whose kind of fault is another, as who knows more of it says."""
    left_out = ("format", "key", "checksum")
    fields = {name: value for name, value in record.items() if name not in left_out}
    return seal({**fields, "failure": {**record["failure"], "fault": fault}})


def check_record(record: Any) -> None:
    """Check schema, checksum and that the key is the spec's.

    Raises:
        CorruptRecordError: naming the first thing that does not hold.
    """
    _check_schema(record)
    if _holds_at_a_glance(record):
        return
    found = given_by_content(record)
    if found["checksum"] != record["checksum"]:
        raise CorruptRecordError(
            f"not a valid record: its checksum says {record['checksum'][:12]}…, its content gives "
            f"{found['checksum'][:12]}…: it was changed after it was written"
        )
    if found["key"] != record["key"]:
        raise CorruptRecordError(
            f"not a valid record: it carries the key {record['key']}, its spec gives {found['key']}"
        )


def encode_record(record: Record) -> bytes:
    """A checked record as the bytes of its file.

    Raises:
        CorruptRecordError: the record does not hold together.
    """
    check_record(record)
    text = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def decode_record(data: bytes) -> Record:
    """The record in a file's bytes, checked.

    Raises:
        CorruptRecordError: torn, not JSON, or a record that does not hold together.
    """
    record: Record
    try:
        # Fast, but integers past 64 bits become floats, which the checksum tells.
        record = orjson.loads(data)
        check_record(record)
        return record
    except (ValueError, CorruptRecordError):
        pass  # json says what is wrong, if anything is
    record = _loaded(data)
    check_record(record)
    return record


def _loaded(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptRecordError(f"not a valid record: not JSON, or torn ({error})") from error


def parse_record(data: bytes) -> Record:
    """As `decode_record`, but for the key and the checksum: `given_by_content` has those.

    Raises:
        CorruptRecordError: torn, not JSON, or of another schema.
    """
    record: Record = _loaded(data)
    _check_schema(record)
    return record


def given_by_content(record: Record) -> dict[str, str]:
    """The `key` that a record's spec gives, and the `checksum` that all of it gives.

    Raises:
        CorruptRecordError: it holds what JSON cannot, such as NaN.
    """
    parts = _canonical_parts(record)
    return {"key": sha256_bytes(parts["spec"])[:16], "checksum": _digest(parts)}


def _holds_at_a_glance(record: Mapping[str, Any]) -> bool:
    """Whether orjson's text has the checksum and the key; it is ten times as fast as json's.

    The two differ in how they write some floats (1e-5, 1e-05), so that a no says nothing.
    """
    rest = {name: value for name, value in record.items() if name != "checksum"}
    try:
        spec = orjson.dumps(record["spec"], option=orjson.OPT_SORT_KEYS)
        rest["spec"] = orjson.Fragment(spec)  # written once
        whole = orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer past 64 bits
        return False
    whole_holds: bool = sha256_bytes(whole) == record["checksum"]
    return whole_holds and sha256_bytes(spec)[:16] == record["key"]


def _check_schema(record: Any) -> None:
    try:
        known = msgspec.convert(record, Record)
        outcome = msgspec.convert(record, Done if known["status"] == "done" else Failed)
    except msgspec.ValidationError as error:
        raise CorruptRecordError(f"not a valid record: {error}") from error
    for given, kept, place in (
        (record, known, "$"),
        (record["spec"], known["spec"], "$.spec"),
        (record["checksums"], known["checksums"], "$.checksums"),
        (record["failure"] or {}, outcome["failure"] or {}, "$.failure"),
        (record.get("usage", {}), known.get("usage", {}), "$.usage"),
    ):
        if len(given) > len(kept):  # msgspec leaves out what it does not know
            unknown = min(given.keys() - kept.keys())
            raise CorruptRecordError(f"not a valid record: unknown field {unknown!r} at {place}")
    for part, (key, kind) in _IN_PARTS.items():
        if type(known["spec"][part].get(key)) is not kind:  # type: ignore[literal-required]
            raise CorruptRecordError(f"not a valid record: no {key} at $.spec.{part}")


def _canonical_parts(record: Mapping[str, Any]) -> dict[str, bytes]:
    """Each entry's canonical JSON; the record's own is made of them, and the key is the spec's."""
    try:
        return {name: canonical_json(value) for name, value in record.items()}
    except (TypeError, ValueError) as error:
        raise CorruptRecordError(f"not a valid record: {error}") from error


def _digest(parts: Mapping[str, bytes]) -> str:
    """The SHA-256 of the record's canonical JSON, its checksum left out."""
    named = (canonical_json(name) + b":" + parts[name] for name in sorted(parts))
    inside = b",".join(part for part in named if not part.startswith(b'"checksum":'))
    return sha256_bytes(b"{" + inside + b"}")


def _plain(value: Any) -> Any:
    """The value as it will be read back: tuples as lists and keys as strings, so sorted alike."""
    try:
        return json.loads(canonical_json(value))
    except (TypeError, ValueError) as error:
        raise InputError(f"a record holds JSON values only: {error}") from error
