"""What the `noise` commands do; `noise_cli.py` says how they are called."""

import argparse
import json
import reprlib
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from noisyseg.annotation_files.document import CocoDocument, read_annotations
from noisyseg.bench.cli.noise.noise_classes import only_among
from noisyseg.bench.cli.noise.noise_options import check_options
from noisyseg.bench.cli.noise.noise_text import (
    changes_line,
    difference_lines,
    step_line,
    type_entry,
    type_lines,
)
from noisyseg.bench.runs.confusion_step import with_matrices
from noisyseg.errors import InputError
from noisyseg.files import refuse_special_files, sha256_file
from noisyseg.located_yaml import parse_yaml, read_yaml_value
from noisyseg.noise import golden, operations
from noisyseg.noise.diff import diff
from noisyseg.noise.files.noisy_files import refuse_overwrite
from noisyseg.noise.files.scan import category_names, map_file
from noisyseg.noise.noise_warnings import noise_warnings
from noisyseg.noise.spec import NoiseSpec, parse_steps
from noisyseg.noise.types.parameters import Loaded, Place
from noisyseg.noise.types.registry import NOISE_TYPES

DONE, DIFFERS = 0, 1
_FILE_OPTIONS = ("map", "matrix", "scores", "predictions", "reference")
_STEP_OPTIONS = ("rate", "preset", "map", "matrix", "convention", "scores", "predictions")


def make(arguments: argparse.Namespace) -> int:
    """Write a noisy file and its manifest, and say what was done."""
    clean, out = arguments.annotations, arguments.out
    if out.suffix != ".json":
        raise InputError(
            f"--out {out}: name a file that ends in .json; its manifest goes beside it."
        )
    inputs = {
        f"file of --{option}": Path(value)
        for option in ("spec", *_FILE_OPTIONS)
        if (value := getattr(arguments, option)) is not None
    }
    outputs = (out, operations.manifest_path(out))
    refuse_overwrite(outputs, inputs)
    refuse_special_files(outputs)
    raw, where, base = _raw_steps(arguments)
    classes = _class_names(clean)
    if arguments.classes is not None:
        raw = only_among(raw, arguments.classes, classes)
    steps = parse_steps(with_matrices(raw, classes, where, base), classes, where, base)
    spec = NoiseSpec(steps=steps, seed=arguments.seed)
    manifest = operations.make(clean, out, spec, workers=arguments.workers)
    for number, report in enumerate(manifest["steps"], start=1):
        _print(f"step {number}, {step_line(report)}")
    _print(changes_line(manifest["annotations"]))
    for text in noise_warnings(manifest):
        sys.stderr.write(f"warning: {text}\n")
    _print(f"noisy file: {out}\nmanifest:   {operations.manifest_path(out)}")
    return DONE


def verify(arguments: argparse.Namespace) -> int:
    """Make the noise again and compare; 0 if every byte is the same, 1 if not."""
    problems = operations.verify(
        arguments.noisy,
        arguments.clean,
        manifest=arguments.manifest,
        files=_files(arguments),
        workers=arguments.workers,
    )
    for problem in problems:
        _print(f"DIFFERS: {problem}")
    if problems:
        return DIFFERS
    _print(f"verified: {arguments.noisy} is what its manifest makes of {arguments.clean}")
    return DONE


def apply(arguments: argparse.Namespace) -> int:
    """Write the noisy file that a manifest is of."""
    operations.apply(
        arguments.clean,
        arguments.manifest,
        arguments.out,
        files=_files(arguments),
        workers=arguments.workers,
    )
    _print(f"noisy file: {arguments.out}")
    return DONE


def invert(arguments: argparse.Namespace) -> int:
    """Write the clean file that a noisy one was made from."""
    operations.invert(arguments.noisy, arguments.manifest, arguments.out)
    _print(f"clean file: {arguments.out}")
    return DONE


def compare(arguments: argparse.Namespace) -> int:
    """Say what differs between two annotation files of the same images."""
    before, after = (read_annotations(p) for p in (arguments.before, arguments.after))
    difference = diff(before, after, match=arguments.match, min_iou=arguments.min_iou)
    if arguments.json:
        _print(json.dumps(difference.as_json()))
        return DONE
    _print("\n".join(difference_lines(difference)))
    return DONE


def report(arguments: argparse.Namespace) -> int:
    """Write a page on a noisy file."""
    # Imported here: matplotlib takes longer to import than most commands take.
    from noisyseg.results.report.noise_report import NoiseAudit, write_noise_report

    noisy, clean = arguments.noisy, arguments.clean
    out = arguments.out or noisy.with_name(f"{noisy.stem}_report.html")
    if arguments.images is not None and not arguments.images.is_dir():
        raise InputError(f"--images {arguments.images} is no folder.")
    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out {out}: the report is a page: name a file that ends in .html.")
    place = arguments.manifest or operations.manifest_path(noisy)
    inputs = {"noisy file": noisy, "clean file": clean, "manifest": place}
    refuse_overwrite([out], {what: path for what, path in inputs.items() if path is not None})
    refuse_special_files([out])
    stated = operations.read_manifest(place) if arguments.manifest or place.exists() else None
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
    audit = NoiseAudit(
        clean=before,
        noisy=after,
        difference=diff(before, after, match=arguments.match).as_json(),
        manifest=stated,
        clean_name=name,
        noisy_name=noisy.name,
        checksums=dict(sorted(checksums.items())),
    )
    figures = write_noise_report(audit, out=out, images=arguments.images)
    _print(f"report:  {out}\nfigures: {figures}")
    return DONE


def check_golden(_: argparse.Namespace) -> int:
    """Make every case of golden noise; 0 if every hash is the shipped one, 1 if not."""
    differing = [
        f"{label}: the {part} differs" for label, part in golden.differences(golden.make_golden())
    ]
    for line in differing:
        _print(line)
    if differing:
        drawn_by = ("numpy", "opencv-python-headless", "pycocotools")
        _print(f"with {', '.join(f'{name} {version(name)}' for name in drawn_by)}")
    _print(f"{len(golden.read_golden())} cases, {len(differing)} hashes differ")
    return DIFFERS if differing else DONE


def types(arguments: argparse.Namespace) -> int:
    """List the types of noise with their parameters, presets and sources."""
    if arguments.json:
        _print(json.dumps([type_entry(name) for name in NOISE_TYPES], indent=2))
        return DONE
    for name in NOISE_TYPES:
        _print("\n".join(type_lines(type_entry(name))))
    return DONE


def _raw_steps(arguments: argparse.Namespace) -> tuple[Any, str, Path]:
    """The steps as a suite would write them, the place they came from, and their base folder."""
    single = {key: getattr(arguments, key) for key in ("type", *_STEP_OPTIONS, "reference")}
    given = [f"--{key}" for key, value in single.items() if value is not None]
    if arguments.spec is not None:
        if given or arguments.set:
            raise InputError(f"--spec says all of the noise: leave out {(given or ['--set'])[0]}.")
        return read_yaml_value(arguments.spec), str(arguments.spec), arguments.spec.parent
    if arguments.type is None:
        raise InputError("noise make needs --type NAME or --spec FILE; see `noisyseg noise list`.")
    step = {key: value for key, value in single.items() if value is not None}
    if "reference" in step:
        step["annotations"] = step.pop("reference")
    for key, value in _settings(arguments.set).items():
        if key in step:
            raise InputError(f"--set {key}: {key} is given twice.")
        step[key] = value
    check_options(step)
    return step, "command line", Path()


def _settings(texts: Sequence[str]) -> dict[str, Any]:
    """key=value texts as a mapping; values are YAML."""
    settings: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise InputError(f"--set {text}: wanted KEY=VALUE, such as --set kernel=5.")
        if key in settings:
            raise InputError(f"--set {text}: {key} is given twice.")
        settings[key] = parse_yaml(value, f"--set {reprlib.repr(text)}")
    return settings


def _class_names(path: Path) -> tuple[str, ...]:
    """The category names of an annotation file, in its order."""
    names = category_names(map_file(path))
    if names is not None:
        return names
    return tuple(category["name"] for category in read_annotations(path)["categories"])


def _files(arguments: argparse.Namespace) -> dict[str, Loaded]:
    """What a manifest holds of a file by its checksum alone, read from the file."""
    if arguments.scores is None:
        return {}
    place = Place(where="--scores", base=Path(), classes=())
    parameter = NOISE_TYPES["instance-dependent"].parameters["scores"]
    return {"scores": parameter.parse(str(arguments.scores), place)}


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


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
