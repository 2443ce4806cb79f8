"""`noisyseg noise list`: the types of noise with parameters, presets and sources."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from textwrap import wrap
from typing import Any

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.bench.runs.confusion_step import CONFUSION, IN_PLACE_OF_MATRIX
from noisyseg.errors import InputError
from noisyseg.noise.types.parameters import REQUIRED, Parameter
from noisyseg.noise.types.registry import known_names, noise_type
from noisyseg.text_lines import wrapped

EXAMPLE = "noisyseg noise list"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_json(parser)


def run(options: Options) -> int:
    """List the types of noise, built in and installed."""
    entries = [_entry(name) for name in known_names()]
    if options.json:
        print_text(json.dumps(entries, indent=2))
        return DONE
    for entry in entries:
        print_text("\n".join(_lines(entry)))
    return DONE


def _entry(name: str) -> dict[str, Any]:
    """A type of noise as JSON-able data; of one that cannot be used, its name and why."""
    try:
        kind = noise_type(name)
    except InputError as error:
        return {"name": name, "problem": str(error)}
    own = {} if kind.origin is None else asdict(kind.origin)
    parameters = {key: _parameter_entry(value) for key, value in kind.parameters.items()}
    if name == CONFUSION:
        for key, summary in IN_PLACE_OF_MATRIX.items():
            parameters[key] = {"summary": summary, "required": False}
    return {
        "name": kind.name,
        "version": kind.version,
        "family": kind.family.name,
        "summary": kind.summary,
        "source": kind.source,
        "differs": kind.differs,
        "parameters": parameters,
        "presets": {preset: dict(values) for preset, values in kind.presets.items()},
        **own,
    }


def _parameter_entry(parameter: Parameter) -> dict[str, Any]:
    required = parameter.default is REQUIRED
    default = {} if required else {"default": parameter.default}
    return {"summary": parameter.summary, "required": required, **default}


def _lines(entry: Mapping[str, Any]) -> list[str]:
    """The same for a person."""
    if "problem" in entry:
        return [f"{entry['name']}: cannot be used: {entry['problem']}"]
    lines = [f"{entry['name']} ({entry['family']}): {entry['summary']}. {entry['source']}"]
    inner = "    "
    if "where" in entry:
        lines.append(f"{inner}from {entry['where']}")
    if entry["differs"]:
        told = f"differs from the source: {entry['differs']}"
        lines += wrap(told, width=100, initial_indent=inner, subsequent_indent="        ")
    for key, parameter in entry["parameters"].items():
        default = parameter.get("default")
        value = "" if parameter["required"] or default is None else f" = {json.dumps(default)}"
        lines.append(f"{inner}{key}{value}: {parameter['summary']}")
    for preset, values in entry["presets"].items():
        shown = ", ".join(f"{key} {value}" for key, value in values.items())
        lines.append(f"{inner}preset {preset}: {shown}")
    return [part for line in lines for part in wrapped(line, hanging=2 * inner)]
