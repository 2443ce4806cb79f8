"""Whether a noisy file is what its manifest says: made again and compared, byte for byte."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from noisyseg.annotation_files.document import CocoDocument, is_written_alike, read_annotations
from noisyseg.annotation_files.mapped_file import map_file
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.noise.files.manifest_file import manifest_path, read_manifest
from noisyseg.noise.files.noisy_files import NoisyContent, hashed, noisy_content
from noisyseg.noise.files.scan import scan_annotations
from noisyseg.noise.manifest import Manifest, encode_manifest
from noisyseg.noise.resolved_spec import spec_from_resolved
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.types.parameters import Loaded

_SHOWN = 5


def verify(
    noisy: Path,
    clean: Path,
    *,
    manifest: Path | None = None,
    files: Mapping[str, Loaded] | None = None,
    workers: int = 1,
) -> list[str]:
    """Make the noise again from the clean file and the manifest's spec, and compare every byte.

    Args:
        noisy: the noisy file.
        clean: the file it was made from.
        manifest: of the noisy file; beside it by default.
        files: see `spec_from_resolved`.
        workers: processes for geometry noise.

    Returns:
        What differs, a line each; nothing if the files are what the manifest says.

    Raises:
        InputError: a file that cannot be read, or a spec that cannot be applied.
    """
    place = manifest_path(noisy) if manifest is None else manifest
    stated = read_manifest(place)
    problems = []
    noisy_sha256 = _sha256(noisy)
    if noisy_sha256 != stated["noisy_sha256"]:
        problems.append(
            f"{noisy} has the SHA-256 {noisy_sha256}, its manifest says {stated['noisy_sha256']}"
        )
    data = map_file(clean)
    clean_sha256 = hashlib.sha256(data).hexdigest()
    if clean_sha256 != stated["clean_sha256"]:
        raise InputError(f"{of_another_file(clean, clean_sha256, place, stated)}.")
    spec = spec_from_resolved(stated["spec"], str(place), files)
    content = noisy_content(
        data, str(clean), clean_sha256, spec, workers=workers, writer=stated["writer"]
    )
    del data
    compared = _compare(noisy, content)
    problems += _manifest_differences(place, stated, compared.manifest)
    if compared.first_difference is not None:
        problems.append(
            f"{noisy} differs from what the spec makes of {clean}, first at byte "
            f"{compared.first_difference}"
        )
        problems += _annotation_differences(noisy, compared.noisy)
    return problems


class _Compared(NamedTuple):
    manifest: Manifest
    noisy: AnnotationTable | CocoDocument
    first_difference: int | None


def _compare(noisy: Path, content: NoisyContent) -> _Compared:
    digest, offset, first = hashlib.sha256(), 0, None
    with noisy.open("rb") as file:
        for block in hashed(content.blocks, digest):
            found = file.read(len(block))
            if first is None and found != block:
                pairs = zip(found, block, strict=False)
                same = next((n for n, (one, other) in enumerate(pairs) if one != other), len(found))
                first = offset + same
            offset += len(block)
        if first is None and file.read(1):
            first = offset
    manifest: Manifest = {**content.manifest, "noisy_sha256": digest.hexdigest()}
    return _Compared(manifest, content.noisy, first)


def _manifest_differences(place: Path, stated: Manifest, made: Manifest) -> list[str]:
    keys = _differing_keys(stated, orjson.loads(encode_manifest(made)))
    if not keys:
        return []
    return [f"{place} says something else than what the spec makes in: {', '.join(keys)}"]


def _annotation_differences(noisy: Path, made: AnnotationTable | CocoDocument) -> list[str]:
    if isinstance(made, AnnotationTable):
        found = scan_annotations(map_file(noisy))
        if found is not None:
            return _shown(_class_differences(found, made))
    try:
        document = read_annotations(noisy)
        if isinstance(made, AnnotationTable):
            return _shown(_class_differences(AnnotationTable.of(document), made))
    except InputError as error:
        return [str(error)]
    return _shown(_entry_differences(document, made))


def _class_differences(found: AnnotationTable, made: AnnotationTable) -> Iterator[str]:
    old, new = (
        dict(zip(table.numbers.tolist(), table.category_ids.tolist(), strict=True))
        for table in (found, made)
    )
    return _differences(old, new, lambda one, other: f"is of category {one}, should be of {other}")


def _entry_differences(found: CocoDocument, made: CocoDocument) -> Iterator[str]:
    old, new = (
        {entry["id"]: entry for entry in document["annotations"]} for document in (found, made)
    )
    return _differences(old, new, _differing_fields)


def _differing_fields(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    return f"differs in {', '.join(_differing_keys(one, other))}"


def _differing_keys(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Keys of values that are other JSON, and those that one of the two lacks."""
    shared = one.keys() & other.keys()
    differing = (key for key in shared if not is_written_alike(one[key], other[key]))
    return sorted((one.keys() ^ other.keys()) | set(differing))


def _differences(
    found: Mapping[int, Any], made: Mapping[int, Any], describe: Callable[[Any, Any], str]
) -> Iterator[str]:
    for number in sorted({*found, *made}):
        if number not in made:
            yield f"annotation {number} should not be there"
        elif number not in found:
            yield f"annotation {number} is absent"
        elif not is_written_alike(found[number], made[number]):
            yield f"annotation {number} {describe(found[number], made[number])}"


def _shown(lines: Iterator[str]) -> list[str]:
    shown = list(islice(lines, _SHOWN))
    more = sum(1 for _ in lines)
    return [*shown, f"and {more} more annotations"] if more else shown


def of_another_file(clean: Path, sha256: str, place: Path, stated: Manifest) -> str:
    """What is wrong with a clean file that a manifest is not of."""
    wanted = stated["clean_sha256"]
    return f"{place} is of a clean file with the SHA-256 {wanted}, {clean} has {sha256}"


def _sha256(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error
