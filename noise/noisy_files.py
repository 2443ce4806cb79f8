"""A noisy annotation file with its manifest, on disk: made once, reused while it verifies."""

from pathlib import Path
from typing import NamedTuple

import orjson

from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes, sha256_file, write_atomically
from noisyseg.noise.annotations import encode_annotations, parse_annotations, read_bytes
from noisyseg.noise.corrupt import corrupt
from noisyseg.noise.manifest import DOCUMENT, FORMAT_VERSION, encode_manifest
from noisyseg.noise.spec import NoiseSpec

ANNOTATIONS_NAME = "annotations.json"
MANIFEST_NAME = "manifest.json"


class NoisyFiles(NamedTuple):
    """Where the two files are."""

    annotations: Path
    manifest: Path


def write_noisy(clean_path: Path, out_dir: Path, spec: NoiseSpec) -> NoisyFiles:
    """Make `annotations.json` and `manifest.json` in `out_dir`, unless they are there already.

    The manifest is written last: a complete one whose checksums and spec match means done. Anything
    else found there (half a write, another spec, a changed file) is written anew.

    Raises:
        InputError: unusable annotations, noise that does not fit them, `out_dir` not writable.
    """
    files = NoisyFiles(out_dir / ANNOTATIONS_NAME, out_dir / MANIFEST_NAME)
    if clean_path.resolve() in (files.annotations.resolve(), files.manifest.resolve()):
        raise InputError(
            f"the noisy files would overwrite the clean annotations {clean_path}: choose another "
            f"output folder."
        )
    data = read_bytes(clean_path)
    clean_sha256 = sha256_bytes(data)
    if _is_done(files, clean_sha256, spec):
        return files
    document, manifest = corrupt(parse_annotations(data, str(clean_path)), spec)
    noisy = encode_annotations(document)
    manifest["writer"] = DOCUMENT
    manifest["clean_sha256"] = clean_sha256
    manifest["noisy_sha256"] = sha256_bytes(noisy)
    write_atomically(files.annotations, noisy)
    write_atomically(files.manifest, encode_manifest(manifest))
    return files


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
    return isinstance(manifest, dict) and wanted.items() <= manifest.items()
