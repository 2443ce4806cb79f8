"""A run's files, held against what its record says of them."""

from pathlib import Path
from typing import Any

import orjson

from noisyseg.bench.datasets.checked_annotations import written_before
from noisyseg.bench.runs.run import MANIFEST, METHOD
from noisyseg.bench.runs.run_files import file_in_folder, noisy_file, prepared_file
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.noise.files.manifest_file import read_manifest
from noisyseg.noise.manifest import Manifest
from noisyseg.results.evaluation.verification import Findings
from noisyseg.results.records.record import Record, RunSpec
from noisyseg.results.records.store import SPEC_NAME

_OF_NOISE = {"manifest", "noisy_annotations"}


def check_files(folder: Path, record: Record, findings: Findings) -> None:
    """Hold the files that a record names against it; the file evaluated on is not among them.

    Args:
        folder: the run's.
        record: the run's, whether or not it holds together.
        findings: added to.
    """
    spec = record["spec"]
    manifest = _manifest(folder, spec, findings)
    _check_train_file(folder, spec, manifest, findings)
    clean_sha256 = manifest["clean_sha256"] if manifest is not None else None
    for name in record["checksums"]:
        if spec["noise"] is None and name in _OF_NOISE:
            found = record["checksums"][name]  # type: ignore[literal-required]
            findings.hold(f"checksums.{name}", found, None, "of a clean run")
        elif name == "noisy_annotations":
            _check_file(name, noisy_file(folder, record, clean_sha256), record, findings)
        else:
            _check_file(name, file_in_folder(name, folder), record, findings)
    if manifest is not None:
        _check_manifest(manifest, record, findings)
    _check_spec_file(folder, spec, findings)
    _check_method_file(folder, spec, findings)


def _check_file(name: str, file: Path | None, record: Record, findings: Findings) -> None:
    path, stated = f"checksums.{name}", record["checksums"][name]  # type: ignore[literal-required]
    found = checksum_of(file, path, findings)
    if found is not None:
        findings.hold(path, stated, found, str(file))


def checksum_of(file: Path | None, path: str, findings: Findings) -> str | None:
    """A file's SHA-256; None, and a word in findings, if it cannot be read.

    Args:
        file: None: its place is not known.
        path: in the record, of what is to be held against it.
        findings: added to.
    """
    if file is None:
        findings.unchecked.append(f"{path}: the file is not in the run's store")
        return None
    try:
        return sha256_file(file)
    except OSError as error:
        findings.unchecked.append(f"{path}: {file}: {error.strerror}")
        return None


def check_original(spec: RunSpec, part: str, found: str, findings: Findings) -> None:
    """Hold what a spec says of a data set's original file against the file in the store.

    The two are one where nothing had to be left out of the original or put into it.
    """
    path = f"{part}_sha256"
    if spec["data"].get(path) == found:
        findings.proven.append(f"spec.data.{path}")
    else:
        findings.claimed.append(
            f"spec.data.{path}: of the original file, which is not in the store (what was made "
            "from it is)"
        )


def _manifest(folder: Path, spec: RunSpec, findings: Findings) -> Manifest | None:
    if spec["noise"] is None:
        return None
    try:
        return read_manifest(folder / MANIFEST)
    except InputError as error:
        findings.unchecked.append(f"what the manifest says: {error}")
        return None


def _check_manifest(manifest: Manifest, record: Record, findings: Findings) -> None:
    spec, checksums = record["spec"], record["checksums"]
    findings.hold("spec.noise", spec["noise"], manifest["spec"], MANIFEST)
    stated = checksums["noisy_annotations"]
    if stated != manifest["noisy_sha256"]:
        findings.hold("checksums.noisy_annotations", stated, manifest["noisy_sha256"], MANIFEST)


def _check_train_file(
    folder: Path, spec: RunSpec, manifest: Manifest | None, findings: Findings
) -> None:
    """The file that the noise was made from, or that a clean run was trained on."""
    path = "spec.data.train_sha256"
    file = prepared_file(folder, spec, "train")
    found = checksum_of(file, path, findings)
    if file is None or found is None:
        return
    check_original(spec, "train", found, findings)
    noted = written_before(file.parent)
    if manifest is not None:
        findings.hold("clean_sha256 of the manifest", manifest["clean_sha256"], found, str(file))
    elif noted is not None:
        findings.hold("train.json, as noted beside it", noted["train"].sha256, found, str(file))
    elif path not in findings.proven:
        findings.unchecked.append(f"{path}: {file}: nothing says which checksum it had")


def _check_spec_file(folder: Path, spec: RunSpec, findings: Findings) -> None:
    """The spec that was written when the run was planned; a run may have none."""
    try:
        planned: Any = orjson.loads((folder / SPEC_NAME).read_bytes())
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        findings.unchecked.append(f"spec: {folder / SPEC_NAME}: {error}")
        return
    if not isinstance(planned, dict):
        findings.hold("spec", dict(spec), planned, SPEC_NAME)
        return
    said: dict[str, Any] = dict(spec)
    for part in sorted(said.keys() | planned.keys()):
        if said.get(part) != planned.get(part):
            findings.hold(f"spec.{part}", said.get(part), planned.get(part), SPEC_NAME)


def _check_method_file(folder: Path, spec: RunSpec, findings: Findings) -> None:
    stated, path = spec["method"].get("file_sha256"), "spec.method.file_sha256"
    if stated is None:
        return
    file = folder / METHOD
    if file.exists():
        found = checksum_of(file, path, findings)
        if found is not None:
            findings.hold(path, stated, found, METHOD)
    else:
        findings.claimed.append(
            f"{path}: {METHOD} is not in the run's folder (a method of an installed package "
            "leaves none)"
        )
