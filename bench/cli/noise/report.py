"""`noisyseg noise report`: one page on a noisy file."""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from noisyseg.annotation_files.document import CocoDocument, read_annotations
from noisyseg.bench.cli.noise.arguments import add_match
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.errors import InputError
from noisyseg.files import refuse_special_files, sha256_file
from noisyseg.noise import operations
from noisyseg.noise.diff import diff
from noisyseg.noise.files.noisy_files import refuse_overwrite
from noisyseg.results.report.noise_report import NoiseAudit, write_noise_report

EXAMPLE = "noisyseg noise report noisy.json --images train --out report.html"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    noisy: Path
    clean: Path | None
    manifest: Path | None
    images: Path | None
    match: Literal["id", "iou"]
    out: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("noisy", type=Path, metavar="NOISY.json")
    parser.add_argument(
        "--clean",
        type=Path,
        metavar="CLEAN.json",
        help="file to compare with (default: what the manifest restores)",
    )
    parser.add_argument(
        "--manifest", type=Path, metavar="FILE", help="of the noisy file (default: beside it)"
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="folder of the images to show")
    add_match(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.html",
        help="the page (default: NOISY_report.html beside the noisy file)",
    )


def run(options: Options) -> int:
    """Write a page on a noisy file."""
    noisy, clean = options.noisy, options.clean
    out = options.out or noisy.with_name(f"{noisy.stem}_report.html")
    if options.images is not None and not options.images.is_dir():
        raise InputError(f"--images {options.images} is no folder.")
    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out {out}: the report is a page: name a file that ends in .html.")
    place = options.manifest or operations.manifest_path(noisy)
    inputs = {"noisy file": noisy, "clean file": clean, "manifest": place}
    refuse_overwrite([out], {what: path for what, path in inputs.items() if path is not None})
    refuse_special_files([out])
    figures = write_noise_report(_audit(options, place), out=out, images=options.images)
    print_text(f"report:  {out}\nfigures: {figures}")
    return DONE


def _audit(options: Options, place: Path) -> NoiseAudit:
    """The two files and what differs between them; `place` is the manifest's."""
    noisy, clean = options.noisy, options.clean
    stated = operations.read_manifest(place) if options.manifest or place.exists() else None
    after = read_annotations(noisy)
    checksums = {"noisy file, SHA-256": sha256_file(noisy)}
    if stated is not None:
        _check_manifest(stated["noisy_sha256"], noisy, place)
        checksums["clean file, SHA-256"] = stated["clean_sha256"]
    if clean is not None:
        before, name = read_annotations(clean), clean.name
        checksums["clean file, SHA-256"] = sha256_file(clean)
        if stated is not None:
            _check_manifest(stated["clean_sha256"], clean, place)
    elif stated is not None:
        before, name = _restored(noisy, place), f"the clean file that {place.name} restores"
    else:
        raise InputError(f"{noisy} has no manifest {place}: name the clean file with --clean.")
    return NoiseAudit(
        clean=before,
        noisy=after,
        difference=diff(before, after, match=options.match).as_json(),
        manifest=stated,
        clean_name=name,
        noisy_name=noisy.name,
        checksums=dict(sorted(checksums.items())),
    )


def _restored(noisy: Path, manifest: Path) -> CocoDocument:
    with tempfile.TemporaryDirectory() as folder:
        clean = Path(folder) / "clean.json"
        operations.invert(noisy, manifest, clean)
        return read_annotations(clean)


def _check_manifest(stated: str, path: Path, manifest: Path) -> None:
    found = sha256_file(path)
    if stated != found:
        raise InputError(
            f"{manifest} is of another file than {path}: it says SHA-256 {stated[:12]}…, the file "
            f"has {found[:12]}…. Give the manifest of this file."
        )
