"""A noisy annotation file with its manifest, on disk: made once, reused while it verifies."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import orjson

from noisyseg.annotation_files.document import (
    CocoDocument,
    encode_annotations,
    is_written_alike,
    parse_annotations,
)
from noisyseg.annotation_files.mapped_file import Content, map_file
from noisyseg.errors import InputError
from noisyseg.files import (
    sha256_bytes,
    sha256_file,
    write_together,
)
from noisyseg.noise.corrupt import corrupt, steps_with_draws
from noisyseg.noise.families.class_noise import ClassNoise
from noisyseg.noise.files.rewrite import category_spans, rewritten
from noisyseg.noise.files.scan import scan_annotations
from noisyseg.noise.manifest import (
    DIGITS,
    DOCUMENT,
    FORMAT_VERSION,
    Manifest,
    Unfinished,
    build_manifest,
    encode_manifest,
)
from noisyseg.noise.requirements import check_steps
from noisyseg.noise.spec import NoiseSpec
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.types.registry import noise_type

ANNOTATIONS_NAME = "annotations.json"
MANIFEST_NAME = "manifest.json"


class NoisyFiles(NamedTuple):
    """Where the two files are."""

    annotations: Path
    manifest: Path


class NoisyContent(NamedTuple):
    """What noise makes of a file.

    Attributes:
        blocks: the noisy file, to be taken once.
        manifest: but for `noisy_sha256`.
        noisy: its annotations; the table where none were parsed into a document.
    """

    blocks: Iterable[bytes]
    manifest: Unfinished
    noisy: AnnotationTable | CocoDocument


def noisy_files(out_dir: Path) -> NoisyFiles:
    """What `write_noisy` makes in a folder."""
    return NoisyFiles(out_dir / ANNOTATIONS_NAME, out_dir / MANIFEST_NAME)


def write_noisy(clean_path: Path, out_dir: Path, spec: NoiseSpec) -> NoisyFiles:
    """Make `annotations.json` and `manifest.json` in `out_dir`, unless they are there already.

    The manifest is written last: a complete one whose checksums and spec match means done. Anything
    else found there (half a write, another spec, a changed file) is written anew.

    Raises:
        InputError: unusable annotations, noise that does not fit them, `out_dir` not writable.
    """
    files = noisy_files(out_dir)
    refuse_overwrite(files, {"clean annotations": clean_path})
    data = map_file(clean_path)
    clean_sha256 = hashlib.sha256(data).hexdigest()
    if not _is_done(files, clean_sha256, spec):
        write_pair(files, noisy_content(data, str(clean_path), clean_sha256, spec))
    return files


def noisy_content(
    data: Content,
    where: str,
    clean_sha256: str,
    spec: NoiseSpec,
    *,
    workers: int = 1,
    writer: str = DIGITS,
) -> NoisyContent:
    """What a spec makes of the bytes of an annotation file.

    Class noise changes digits of the category ids alone where it is proven which they are (see
    `rewrite`), and what changes no annotation changes no byte; all else parses the file.

    Args:
        data: the clean file.
        where: names it in messages.
        clean_sha256: its checksum, for the manifest.
        spec: what to apply.
        workers: processes for geometry noise; they do not change the result.
        writer: "document" parses the file in any case, as was once done where a crowd flag was
            `false`.

    Raises:
        InputError: unusable annotations, or noise that does not fit them.
    """
    content = _by_digits(data, clean_sha256, spec) if writer == DIGITS else None
    return content or _by_document(data, where, clean_sha256, spec, workers)


def write_pair(files: NoisyFiles, content: NoisyContent) -> Manifest:
    """Write both files, or neither; gives the manifest, which appears last.

    Raises:
        InputError: a folder cannot be written to.
    """
    digest = hashlib.sha256()
    manifest: Manifest = {**content.manifest, "noisy_sha256": ""}

    def encoded() -> Iterable[bytes]:
        manifest["noisy_sha256"] = digest.hexdigest()  # known once the noisy file has passed
        return (encode_manifest(manifest),)

    blocks = hashed(content.blocks, digest)
    write_together(((files.annotations, lambda: blocks), (files.manifest, encoded)))
    return manifest


def hashed(blocks: Iterable[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    """The blocks, each put into the digest as it passes."""
    for block in blocks:
        digest.update(block)
        yield block


def refuse_overwrite(outputs: Iterable[Path], inputs: Mapping[str, Path]) -> None:
    """Refuse an output that is one of the inputs, be it through links.

    Raises:
        InputError: which one.
    """
    for output in outputs:
        for what, path in inputs.items():
            if _is_same(output, path):
                raise InputError(
                    f"{output} would overwrite the {what} {path}: choose another output."
                )


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:  # one is not there yet
        return os.path.realpath(one) == os.path.realpath(other)


def _by_digits(data: Content, clean_sha256: str, spec: NoiseSpec) -> NoisyContent | None:
    families = [noise_type(step.type).family for step in spec.steps]
    of_classes = [family for family in families if isinstance(family, ClassNoise)]
    if len(of_classes) < len(families):
        return None
    clean = scan_annotations(data)
    if clean is None:
        return None
    spans = category_spans(data, clean)
    if spans is None:
        return None
    check_steps(spec.steps, {}, clean)
    noisy, reports = clean, []
    for family, (step, draws) in zip(of_classes, steps_with_draws(spec), strict=True):
        with noise_type(step.type).faults_told():
            outcome = family.outcome(step, noisy, draws)
        noisy = replace(noisy, classes=outcome.classes)
        reports.append(outcome.report)
    return NoisyContent(
        blocks=rewritten(data, spans, clean, noisy.classes),
        manifest={
            **build_manifest(spec, clean, noisy.classes, reports),
            "writer": DIGITS,
            "clean_sha256": clean_sha256,
            "clean_document_sha256": None,
        },
        noisy=noisy,
    )


def _by_document(
    data: Content, where: str, clean_sha256: str, spec: NoiseSpec, workers: int
) -> NoisyContent:
    clean = parse_annotations(data[:], where)
    document = document_sha256(clean)  # refuses what cannot be written
    noisy, manifest = corrupt(clean, spec, workers=workers)
    same = noisy == clean
    return NoisyContent(
        blocks=(data[:] if same else encode_annotations(noisy),),
        manifest={
            **manifest,
            "writer": DIGITS if same else DOCUMENT,
            "clean_sha256": clean_sha256,
            "clean_document_sha256": None if same else document,
        },
        noisy=noisy,
    )


def document_sha256(document: CocoDocument) -> str:
    """SHA-256 of a document whatever the order of its keys, in hex."""
    return sha256_bytes(encode_annotations(document, sort_keys=True))


def _is_done(files: NoisyFiles, clean_sha256: str, spec: NoiseSpec) -> bool:
    try:
        manifest = orjson.loads(files.manifest.read_bytes())
        noisy_sha256 = sha256_file(files.annotations)
    except (OSError, orjson.JSONDecodeError):
        return False
    wanted = {
        "format": FORMAT_VERSION,
        "spec": spec.resolved(),
        "clean_sha256": clean_sha256,
        "noisy_sha256": noisy_sha256,
    }
    if not isinstance(manifest, dict):
        return False
    return is_written_alike(wanted, {key: manifest.get(key) for key in wanted})
