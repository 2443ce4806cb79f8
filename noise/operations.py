"""Make a noisy annotation file, check one, and go from clean to noisy and back by the manifest."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from noisyseg.annotation_files.document import encode_annotations, parse_annotations
from noisyseg.annotation_files.mapped_file import Content, map_file
from noisyseg.errors import InputError
from noisyseg.files import write_blocks_atomically
from noisyseg.noise.files.manifest_file import manifest_path, read_manifest
from noisyseg.noise.files.noisy_files import (
    NoisyFiles,
    document_sha256,
    hashed,
    noisy_content,
    refuse_overwrite,
    write_pair,
)
from noisyseg.noise.files.rewrite import category_spans, rewritten
from noisyseg.noise.files.scan import scan_annotations
from noisyseg.noise.files.verification import of_another_file, verify
from noisyseg.noise.manifest import DIGITS, Manifest
from noisyseg.noise.resolved_spec import spec_from_resolved
from noisyseg.noise.spec import NoiseSpec
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Indices
from noisyseg.noise.types.parameters import Loaded

__all__ = ["apply", "invert", "make", "manifest_path", "read_manifest", "verify"]

Entry = dict[str, Any]
Changes = Sequence[tuple[int, int, list[int]]]


def make(clean: Path, out: Path, spec: NoiseSpec, *, workers: int = 1) -> Manifest:
    """Write a noisy file and its manifest (see `manifest_path`), the manifest last.

    Args:
        clean: COCO annotation file.
        out: the noisy file, replaced if it is there.
        spec: what to apply.
        workers: processes for geometry noise; they do not change the result.

    Raises:
        InputError: unusable annotations, noise that does not fit them, an output that is the clean
            file or cannot be written.
    """
    files = NoisyFiles(out, manifest_path(out))
    refuse_overwrite(files, {"clean annotations": clean})
    data = map_file(clean)
    clean_sha256 = hashlib.sha256(data).hexdigest()
    return write_pair(files, noisy_content(data, str(clean), clean_sha256, spec, workers=workers))


def apply(
    clean: Path,
    manifest: Path,
    out: Path,
    *,
    files: Mapping[str, Loaded] | None = None,
    workers: int = 1,
) -> None:
    """Write the noisy file that a manifest is of, from the clean file.

    Class noise needs the manifest's changes alone; with geometry or presence noise, of which it
    holds the old values, the noise is made again from the spec.

    Args:
        clean: the file that the manifest's noise was made from.
        manifest: its path.
        out: the noisy file, replaced if it is there.
        files: see `spec_from_resolved`; for noise that is made again.
        workers: processes for geometry noise.

    Raises:
        InputError: unreadable, a manifest of another clean file, a result that is not the one of
            the manifest (nothing is written then), an output that is an input.
    """
    refuse_overwrite([out], {"clean annotations": clean, "manifest": manifest})
    stated = read_manifest(manifest)
    data = map_file(clean)
    clean_sha256 = hashlib.sha256(data).hexdigest()
    if clean_sha256 != stated["clean_sha256"]:
        raise InputError(of_another_file(clean, clean_sha256, manifest, stated) + ".")
    changes = stated["changes"]
    blocks: Iterable[bytes]
    if changes["geometry"] or changes["removed"] or changes["added"]:
        spec = spec_from_resolved(stated["spec"], str(manifest), files)
        blocks = noisy_content(data, str(clean), clean_sha256, spec, workers=workers).blocks
    elif stated["writer"] == DIGITS:
        blocks = _with_digits(data, clean, changes["classes"], manifest)
    else:
        document = parse_annotations(data[:], str(clean))
        entries = _with_categories(document["annotations"], changes["classes"], manifest)
        blocks = (encode_annotations({**document, "annotations": entries}),)
    wanted = stated["noisy_sha256"]
    write_blocks_atomically(out, _checked(blocks, wanted, f"the noisy file of {manifest}"))


def invert(noisy: Path, manifest: Path, out: Path) -> None:
    """Write the clean file that a noisy one was made from.

    Its exact bytes where the noise changed digits alone (writer "digits"); else a document with
    equal content, whose formatting is noisyseg's.

    Args:
        noisy: the noisy file.
        manifest: of the noisy file.
        out: the clean file, replaced if it is there.

    Raises:
        InputError: unreadable, a manifest of another noisy file, changes that do not fit it
            (nothing is written then), an output that is an input.
    """
    refuse_overwrite([out], {"noisy annotations": noisy, "manifest": manifest})
    stated = read_manifest(manifest)
    data = map_file(noisy)
    noisy_sha256 = hashlib.sha256(data).hexdigest()
    if noisy_sha256 != stated["noisy_sha256"]:
        raise InputError(
            f"{manifest} is of a noisy file with the SHA-256 {stated['noisy_sha256']}, {noisy} has "
            f"{noisy_sha256}: give the file that it was made with."
        )
    back = [(new, old, ids) for old, new, ids in stated["changes"]["classes"]]
    if stated["writer"] == DIGITS:
        blocks = _with_digits(data, noisy, back, manifest)
        wanted = stated["clean_sha256"]
        write_blocks_atomically(out, _checked(blocks, wanted, f"the clean file of {manifest}"))
    else:
        document = parse_annotations(data[:], str(noisy))
        entries = _with_categories(document["annotations"], back, manifest)
        clean = {**document, "annotations": _restored(entries, stated, manifest)}
        if document_sha256(clean) != stated["clean_document_sha256"]:
            raise InputError(
                f"{manifest}: its changes do not give back the clean annotations: it was edited. "
                "Nothing was written."
            )
        write_blocks_atomically(out, (encode_annotations(clean),))


def _checked(blocks: Iterable[bytes], wanted: str, what: str) -> Iterator[bytes]:
    """The blocks; an error at their end, so that nothing is written, if they are not `wanted`."""
    digest = hashlib.sha256()
    yield from hashed(blocks, digest)
    if digest.hexdigest() != wanted:
        raise InputError(
            f"the changes give a file with the SHA-256 {digest.hexdigest()}, but {what} has "
            f"{wanted}: the manifest was edited. Nothing was written."
        )


def _with_digits(data: Content, path: Path, changes: Changes, manifest: Path) -> Iterable[bytes]:
    if not changes:
        return (data[:],)
    table = scan_annotations(data)
    spans = None if table is None else category_spans(data, table)
    if table is None or spans is None:
        raise InputError(
            f"{path}: its layout is not the one that {manifest} was written for: make the noise "
            f"again."
        )
    return rewritten(data, spans, table, _classes_after(table, changes, manifest))


def _classes_after(table: AnnotationTable, changes: Changes, manifest: Path) -> Indices:
    after = table.classes.copy()
    category_ids = table.category_ids
    index_of = {number: index for index, number in enumerate(table.categories.ids)}
    order = np.argsort(table.numbers)
    ordered = table.numbers[order]
    if not len(ordered):
        raise _unfit(manifest)
    for old, new, ids in changes:
        wanted = np.array(ids, dtype=np.int64)
        found = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
        places = order[found]
        fits = new in index_of and (table.numbers[places] == wanted).all()
        if not fits or (category_ids[places] != old).any():
            raise _unfit(manifest)
        after[places] = index_of[new]
    return after


def _with_categories(entries: list[Entry], changes: Changes, manifest: Path) -> list[Entry]:
    pair_of = {number: (old, new) for old, new, ids in changes for number in ids}
    result = []
    for entry in entries:
        old, new = pair_of.pop(entry["id"], (entry["category_id"],) * 2)
        if entry["category_id"] != old:
            raise _unfit(manifest)
        result.append(entry if old == new else {**entry, "category_id": new})
    if pair_of:
        raise _unfit(manifest)
    return result


def _restored(entries: list[Entry], stated: Manifest, manifest: Path) -> list[Entry]:
    changes, added = stated["changes"], set(stated["changes"]["added"])
    fields_of = dict(changes["geometry"])
    kept = [
        {**entry, **fields_of.pop(entry["id"], {})} for entry in entries if entry["id"] not in added
    ]
    removed = dict(changes["removed"])
    if fields_of or len(kept) + len(removed) != stated["annotations"]["clean"]:
        raise _unfit(manifest)
    rest = iter(kept)
    total = stated["annotations"]["clean"]
    return [removed[place] if place in removed else next(rest) for place in range(total)]


def _unfit(manifest: Path) -> InputError:
    return InputError(f"{manifest}: its changes do not fit the annotations: was it edited?")
