"""A manifest on disk: where it is, and reading one so that every later access is safe."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, cast

import msgspec
import orjson

from noisyseg.errors import InputError
from noisyseg.noise.corrupt import GEOMETRY_FIELDS
from noisyseg.noise.manifest import DIGITS, FORMAT_VERSION, Count, Manifest

Positive = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class _SpecStep(msgspec.Struct):
    type: str
    version: int


class _Spec(msgspec.Struct):
    seed: int
    steps: list[_SpecStep]


class _Report(msgspec.Struct):
    """What all families of noise say of a step; each says more."""

    type: str
    eligible: Count
    intended_rate: Share | None
    rate_of_eligible: Share | None
    rate_of_eligible_interval: tuple[Share, Share] | None
    rate_of_all: Share | None
    expected_flips: Positive | None = None
    expected_matrix: list[list[Share]] | None = None
    flipped: Count | None = None
    changed: Count | None = None
    removed: Count | None = None
    added: Count | None = None


class _OpenParts(msgspec.Struct):
    """What every spec and every report says, whatever else its type has to say."""

    spec: _Spec
    steps: list[_Report]


def manifest_path(noisy: Path) -> Path:
    """Where the manifest of a noisy file is: x.json -> x.manifest.json beside it."""
    return noisy.with_name(noisy.name.removesuffix(".json") + ".manifest.json")


def read_manifest(path: Path) -> Manifest:
    """A manifest, checked to have every key and type that `noise.manifest` names.

    Raises:
        InputError: missing, not JSON, no manifest, or one of another format.
    """
    try:
        data = orjson.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read the manifest {path}: {error.strerror}.") from error
    except orjson.JSONDecodeError as error:
        raise InputError(f"{path}: not valid JSON, so no manifest of noise: {error}.") from error
    if not isinstance(data, dict) or "format" not in data:
        raise InputError(f"{path}: no manifest of noise, but {repr(data)[:80]}.")
    if data["format"] != FORMAT_VERSION:
        raise InputError(
            f"{path}: a manifest of format {data['format']!r}, this noisyseg reads format "
            f"{FORMAT_VERSION}: make the noisy file again, or use the noisyseg that made it."
        )
    try:
        checked = msgspec.convert(data, Manifest)
        parts = msgspec.convert(data, _OpenParts)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: no whole manifest of noise: {error}.") from error
    _check_consistent(checked, parts, path)
    return cast(Manifest, data)


def _is_square(matrix: list[list[float]] | None, k: int) -> bool:
    return matrix is None or (len(matrix) == k and all(len(row) == k for row in matrix))


def _check_consistent(manifest: Manifest, parts: _OpenParts, path: Path) -> None:
    changes, numbers = manifest["changes"], manifest["annotations"]
    k, counts = len(manifest["classes"]), manifest["counts"]
    changed = [number for _, _, ids in changes["classes"] for number in ids]
    known = {entry["id"] for entry in manifest["classes"]}
    fits = (
        len(counts) == k == len(known)
        and len(parts.steps) == len(parts.spec.steps)
        and all(_is_square(step.expected_matrix, k) for step in parts.steps)
        and (manifest["clean_document_sha256"] is None) == (manifest["writer"] == DIGITS)
        and all(len(row) == k for row in counts)
        and all({old, new} <= known for old, new, _ in changes["classes"])
        and len(set(changed)) == len(changed) == numbers["class_changed"]
        and len(changes["geometry"]) == numbers["geometry_changed"]
        and len(changes["removed"]) == numbers["removed"]
        and len(changes["added"]) == numbers["added"]
        and numbers["clean"] - numbers["removed"] + numbers["added"] == numbers["noisy"]
        and all(fields.keys() <= set(GEOMETRY_FIELDS) for _, fields in changes["geometry"])
        and all(type(entry.get("id")) is int for _, entry in changes["removed"])
    )
    places = [place for place, _ in changes["removed"]]
    rising = all(one < other for one, other in pairwise(places))
    if not fits or not rising or any(place >= numbers["clean"] for place in places):
        raise InputError(
            f"{path}: its changes and its counts contradict each other: was it edited?"
        )
