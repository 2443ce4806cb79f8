"""`noisyseg noise make`: a noisy annotation file and its manifest."""

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from noisyseg.annotation_files.document import read_annotations
from noisyseg.annotation_files.file_layout import category_names
from noisyseg.annotation_files.mapped_file import map_file
from noisyseg.bench.cli.arguments import add_noise_files, whole
from noisyseg.bench.cli.command_parser import CommandParser
from noisyseg.bench.cli.noise.arguments import (
    add_settings,
    add_workers,
    add_written,
    settings,
)
from noisyseg.bench.cli.noise.classes import only_among
from noisyseg.bench.cli.noise.numbers import interval, percent
from noisyseg.bench.cli.noise.step_options import check_options, unlisted_option
from noisyseg.bench.cli.output import DONE, print_text, say_warnings
from noisyseg.bench.runs.confusion_step import with_matrices
from noisyseg.errors import InputError
from noisyseg.files import refuse_special_files
from noisyseg.located_yaml import read_yaml_value
from noisyseg.noise import operations
from noisyseg.noise.files.noisy_files import refuse_overwrite
from noisyseg.noise.noise_warnings import noise_warnings
from noisyseg.noise.spec import NoiseSpec, parse_steps
from noisyseg.noise.types.registry import add_type_files

EXAMPLE = (
    "noisyseg noise make --annotations train.json --type symmetric --rate 0.4 --seed 1 "
    "--out noisy.json"
)
# What a step's report calls the number of annotations that it changed.
_CHANGED = ("flipped", "changed", "removed", "added")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class StepOptions:
    """One step by options of its own."""

    type: str | None
    rate: float | str | None
    preset: str | None
    map: str | None
    matrix: str | None
    convention: str | None
    scores: str | None
    predictions: str | None
    reference: str | None

    def files(self) -> dict[str, str | None]:
        """The files among them, by option."""
        names = ("map", "matrix", "scores", "predictions", "reference")
        return {name: value for name, value in dataclasses.asdict(self).items() if name in names}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    annotations: Path
    step: StepOptions
    set: list[str]
    noise_files: list[str]
    spec: Path | None
    classes: list[str] | None
    seed: int
    out: Path
    workers: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    if isinstance(parser, CommandParser):
        parser.hint = unlisted_option
    parser.add_argument(
        "--annotations",
        type=Path,
        required=True,
        metavar="CLEAN.json",
        help="COCO-format file to start from; its categories are the classes (see --classes)",
    )
    _add_step(parser)
    add_settings(parser, "any other parameter")
    add_noise_files(parser)
    parser.add_argument(
        "--spec",
        type=Path,
        metavar="FILE.yaml",
        help="a step or a list of steps as in a suite, instead of --type and its parameters",
    )
    parser.add_argument(
        "--classes",
        type=_names,
        metavar="NAME,NAME",
        help="classes that labels are turned from and into; all others are exempt, and stay in the "
        "file as they are",
    )
    parser.add_argument("--seed", type=whole, required=True, metavar="S", help="noise seed")
    add_written(parser, "NOISY.json", "noisy file; its manifest gets .manifest.json")
    add_workers(parser)


def _add_step(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--type", metavar="NAME", help="see `noisyseg noise list`")
    parser.add_argument("--rate", type=_number, metavar="R", help="noise rate from 0 to 1")
    for option, metavar, summary in (
        ("preset", "NAME", "easy, mid or hard, where a type has them"),
        ("map", "NAME|FILE", "classes of asymmetric noise: voc, cityscapes, … or YAML"),
        ("matrix", "FILE", "CSV, NPY or YAML of matrix noise"),
        ("convention", "NAME", "paper (default) or lncis-code"),
        ("scores", "FILE", "NPZ of instance-dependent noise"),
        ("predictions", "FILE", "a run's predictions.json.zst, for confusion noise"),
        ("reference", "FILE", "annotation file that the predictions are of"),
    ):
        parser.add_argument(f"--{option}", metavar=metavar, help=summary)


def run(options: Options) -> int:
    """Write a noisy file and its manifest, and say what was done."""
    clean, out = options.annotations, options.out
    if out.suffix != ".json":
        raise InputError(
            f"--out {out}: name a file that ends in .json; its manifest goes beside it."
        )
    given = {"spec": options.spec, **options.step.files()}
    inputs = {
        f"file of --{option}": Path(value) for option, value in given.items() if value is not None
    }
    outputs = (out, operations.manifest_path(out))
    refuse_overwrite(outputs, inputs)
    refuse_special_files(outputs)
    add_type_files(options.noise_files)
    raw, where, base = _raw_steps(options)
    classes = _class_names(clean)
    if options.classes is not None:
        raw = only_among(raw, options.classes, classes)
    steps = parse_steps(with_matrices(raw, classes, where, base), classes, where, base)
    spec = NoiseSpec(steps=steps, seed=options.seed)
    manifest = operations.make(clean, out, spec, workers=options.workers)
    for number, report in enumerate(manifest["steps"], start=1):
        print_text(f"step {number}, {_step_line(report)}")
    print_text(_changes_line(manifest["annotations"]))
    say_warnings(noise_warnings(manifest))
    print_text(f"noisy file: {out}\nmanifest:   {operations.manifest_path(out)}")
    return DONE


def _raw_steps(options: Options) -> tuple[Any, str, Path]:
    """The steps as a suite would write them, the place they came from, and their base folder."""
    step = {
        key: value for key, value in dataclasses.asdict(options.step).items() if value is not None
    }
    if options.spec is not None:
        given = [*(f"--{key}" for key in step), *(["--set"] if options.set else [])]
        if given:
            raise InputError(f"--spec says all of the noise: leave out {given[0]}.")
        return read_yaml_value(options.spec), str(options.spec), options.spec.parent
    if "type" not in step:
        raise InputError("noise make needs --type NAME or --spec FILE; see `noisyseg noise list`.")
    if "reference" in step:
        step["annotations"] = step.pop("reference")
    for key, value in settings(options.set).items():
        if key in step:
            raise InputError(f"--set {key}: {key} is given twice.")
        step[key] = value
    check_options(step)
    return step, "command line", Path()


def _class_names(path: Path) -> tuple[str, ...]:
    """The category names of an annotation file, in its order."""
    names = category_names(map_file(path))
    if names is not None:
        return tuple(names)
    return tuple(category["name"] for category in read_annotations(path)["categories"])


def _step_line(entry: Mapping[str, Any]) -> str:
    """A step's rates, from its report in the manifest."""
    changed = next((key for key in _CHANGED if key in entry), None)
    eligible, foreseen = entry.get("eligible"), entry.get("expected_flips")
    parts = [f"intended {percent(entry.get('intended_rate'))}"]
    if foreseen is not None and eligible:
        parts.append(f"expected {percent(foreseen / eligible)}")
    known = interval(entry.get("rate_of_eligible_interval"))
    parts.append(f"realised {percent(entry.get('rate_of_eligible'))}{known}")
    numbers = f"; {entry[changed]} {changed} of {eligible} eligible" if changed else ""
    of_all = entry.get("rate_of_all")
    share = f"; {percent(of_all)} of all" if of_all != entry.get("rate_of_eligible") else ""
    return f"{entry['type']}: {', '.join(parts)}{numbers}{share}"


def _changes_line(numbers: Mapping[str, object]) -> str:
    """What changed in all, from a manifest's `annotations`."""
    kinds = ("class_changed", "geometry_changed", "removed", "added")
    counts = ", ".join(f"{numbers[kind]} {kind.replace('_', ' ')}" for kind in kinds)
    return f"annotations: {numbers['clean']} clean, {numbers['noisy']} noisy: {counts}"


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _number(text: str) -> float | str:
    """A number; any other text is left for the type of noise to refuse in its own words."""
    try:
        return float(text)
    except ValueError:
        return text
